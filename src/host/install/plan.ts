/** A file that `fleetctl install` writes. */
export interface InstallFile {
  /** Its path on the host, and below --root. */
  path: string;
  content: string;
}

/**
 * What to do about a file. `foreign` was not written by us; `edited` was, and has been changed since: both belong to
 * others now, and are left alone.
 */
export type FileVerdict = 'create' | 'update' | 'same' | 'remove' | 'foreign' | 'edited' | 'absent';

const SEAL = /^# Written by fleetctl install; sha256 of the rest: ([0-9a-f]{64})\n/;

/** Prepends a line to a file's content by which we recognise it, and see whether it was edited. */
export function seal(content: string, hash: (text: string) => string): string {
  return `# Written by fleetctl install; sha256 of the rest: ${hash(content)}\n${content}`;
}

/** Decides what install does about a file. @param found the file's text; null if there is none */
export function judgeInstall(
  found: string | null,
  wanted: string,
  hash: (text: string) => string,
): Extract<FileVerdict, 'create' | 'update' | 'same' | 'foreign' | 'edited'> {
  if (found === null) return 'create';
  if (found === wanted) return 'same';
  const owner = ownerOf(found, hash);
  return owner === 'ours' ? 'update' : owner;
}

/** Decides what uninstall does about a file. */
export function judgeRemoval(
  found: string | null,
  hash: (text: string) => string,
): Extract<FileVerdict, 'remove' | 'absent' | 'foreign' | 'edited'> {
  if (found === null) return 'absent';
  const owner = ownerOf(found, hash);
  return owner === 'ours' ? 'remove' : owner;
}

function ownerOf(text: string, hash: (text: string) => string): 'ours' | 'foreign' | 'edited' {
  const sealed = SEAL.exec(text);
  if (sealed === null) return 'foreign';
  return hash(text.slice(sealed[0].length)) === sealed[1] ? 'ours' : 'edited';
}

/** The values of a unit's placeholders. */
export interface UnitValues {
  /** The directory of fleetctl and fleetd. */
  bindir: string;
  /** The maximum time of the paced stop of all agents at shutdown. */
  drainTimeoutSec: number;
}

/** Fills in a unit's `@placeholders@`. @throws Error for an unknown one: a defect of the template */
export function renderUnit(template: string, values: UnitValues): string {
  return template.replaceAll(/@([a-zA-Z]+)@/g, (_whole, name: string) => {
    if (name === 'bindir') return escapeExecutable(values.bindir);
    if (name === 'drainTimeoutSec') return String(values.drainTimeoutSec);
    throw new Error(`a unit has an unknown placeholder @${name}@`);
  });
}

/**
 * A path as the start of an Exec line: % is a specifier, \\ and white space are escaped, and $ needs no escape in an
 * executable's path (systemd.service(5), "Command lines"; systemd.syntax(7)).
 */
function escapeExecutable(path: string): string {
  return path
    .replaceAll('%', '%%')
    .replaceAll(/[\\ \t"';]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The time to stop the supervisor and the last forks, besides the agents' own grace. */
const DRAIN_MARGIN_SEC = 60;

/** The maximum time of the paced stop of `agents` agents: every batch takes its whole grace. Seconds. */
export function drainTimeoutSec(agents: number, stop: { parallel: number; graceMs: number }): number {
  return Math.ceil(agents / stop.parallel) * Math.ceil(stop.graceMs / 1000) + DRAIN_MARGIN_SEC;
}
