/** A file that `fleetctl install` is to put in place. */
export interface InstallFile {
  /** Where it belongs on the host; below --root it is the same path. */
  path: string;
  content: string;
}

/**
 * What is to be done about a file. `foreign` was not written by us, `edited` was and has been changed since: both are
 * somebody else's now, and left alone.
 */
export type FileVerdict = 'create' | 'update' | 'same' | 'remove' | 'foreign' | 'edited' | 'absent';

const SEAL = /^# Written by fleetctl install; sha256 of the rest: ([0-9a-f]{64})\n/;

/** Puts a first line before a file's content that lets us know it again, and tells whether it was edited. */
export function seal(content: string, hash: (text: string) => string): string {
  return `# Written by fleetctl install; sha256 of the rest: ${hash(content)}\n${content}`;
}

/** What install does about a file. @param found the file's text; null where there is none */
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

/** What uninstall does about a file. */
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

/** What a unit's placeholders stand for. */
export interface UnitValues {
  /** The directory of fleetctl and fleetd. */
  bindir: string;
  /** How long the paced stop of all agents may take at shutdown. */
  drainTimeoutSec: number;
}

/** Fills in a unit's `@placeholders@`. @throws Error for one that is not known: a defect of the template */
export function renderUnit(template: string, values: UnitValues): string {
  return template.replaceAll(/@([a-zA-Z]+)@/g, (_whole, name: string) => {
    if (name === 'bindir') return escapeExecutable(values.bindir);
    if (name === 'drainTimeoutSec') return String(values.drainTimeoutSec);
    throw new Error(`a unit has an unknown placeholder @${name}@`);
  });
}

/**
 * A path as the beginning of an Exec line: % is a specifier, \\ and white space are escaped, and $ may stand as it is
 * in an executable's path (systemd.service(5), "Command lines"; systemd.syntax(7)).
 */
function escapeExecutable(path: string): string {
  return path
    .replaceAll('%', '%%')
    .replaceAll(/[\\ \t"';]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** What a stop of the supervisor and of the last forks takes beside the agents' own grace. */
const DRAIN_MARGIN_SEC = 60;

/** How long the paced stop of so many agents may take: every batch its whole grace. Seconds. */
export function drainTimeoutSec(agents: number, stop: { parallel: number; graceMs: number }): number {
  return Math.ceil(agents / stop.parallel) * Math.ceil(stop.graceMs / 1000) + DRAIN_MARGIN_SEC;
}
