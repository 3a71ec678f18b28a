import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { signalName } from '../../specification/signals.ts';
import { FD } from '../launcher/calls.ts';
import type { Launch, Sandbox } from '../launcher/launch.ts';
import { isGone, PROC } from '../proc/read.ts';
import { findExecutable } from '../sys/executable.ts';
import type { ProcessExit } from '../sys/pidfd.ts';
import { SYSTEM_PATH, tryCommand } from '../sys/system-command.ts';

/** What bubblewrap executes: the launcher's image, which becomes the program. It sees by the second word where it is (x64.S). */
const INSIDE = [`/proc/self/fd/${FD.image}`, 'fleetd-inside'];
/** The mode of a directory that anybody may write to, as /tmp has it. */
const ANYBODY = '1777';
/** Shells and bubblewrap exit with 128 plus the number of the signal that has ended their child. */
const SIGNALLED = { above: 128, max: 128 + 64 } as const;
/** A start of bubblewrap takes some milliseconds. */
const TRIAL_MS = 10_000;
const INSTALL = 'Install it (apt-get install bubblewrap), or take sandbox out of the spec.';

/**
 * The wrapper that gives a process its sandbox.
 * @throws FleetError EXECUTABLE_UNUSABLE without bubblewrap, SPEC_INVALID if something that it is to see is not there
 */
export function wrapperFor(sandbox: Sandbox): NonNullable<Launch['wrapper']> {
  return { path: findBubblewrap(), argv: [...mountWords(resolved(sandbox)), '--', ...INSIDE] };
}

/**
 * Tries whether this process may give a sandbox to others.
 * @throws FleetError EXECUTABLE_UNUSABLE without bubblewrap, PRIVILEGE_MISSING with what it says
 */
export async function trySandbox(): Promise<void> {
  const path = findBubblewrap();
  const words = mountWords({ readOnly: true, writable: [], emptied: ['/tmp'], visible: [] });
  const { ok, text } = await tryCommand(path, [...words.slice(1), '--', path, '--version'], {
    timeoutMs: TRIAL_MS,
  });
  if (ok) return;
  throw new FleetError('PRIVILEGE_MISSING', `sandbox: bubblewrap cannot make one here: ${text}`, {
    hint:
      process.getuid!() === 0
        ? 'A container needs CAP_SYS_ADMIN for it, and a seccomp filter that allows mount(2).'
        : 'Without root it needs user namespaces (kernel.unprivileged_userns_clone, user.max_user_namespaces, an AppArmor profile for bwrap), or run the supervisor as root.',
  });
}

/**
 * How a program in a sandbox has ended, by the exit of bubblewrap, its parent: it exits as the program has, with the
 * code 128 + n for a signal n (bubblewrap.c, monitor_child).
 */
export function exitInside(exit: ProcessExit): ProcessExit {
  const { code } = exit;
  if (code === null || code <= SIGNALLED.above || code > SIGNALLED.max) return exit;
  return { code: null, signal: signalName(code - SIGNALLED.above) };
}

function findBubblewrap(): string {
  try {
    return findExecutable('bwrap', '/', SYSTEM_PATH, 'bubblewrap');
  } catch (error) {
    throw new FleetError('EXECUTABLE_UNUSABLE', `sandbox: ${(error as Error).message}`, {
      hint: INSTALL,
      cause: error,
    });
  }
}

/** bwrap(1) mounts in the order of its words, so that a later mount lies on an earlier one. */
function mountWords({ readOnly, writable, emptied, visible }: Sandbox): string[] {
  const mounts = new Map<string, readonly string[]>();
  for (const path of parentsIn(emptied, [...visible, ...writable]))
    mounts.set(path, ['--perms', '0755', '--dir']);
  for (const path of visible) mounts.set(path, [readOnly ? '--ro-bind' : '--dev-bind', path]);
  for (const path of writable) mounts.set(path, ['--dev-bind', path]);
  for (const path of emptied) mounts.set(path, ['--perms', ANYBODY, '--tmpfs']);
  return [
    'bwrap',
    ...(readOnly
      ? ['--ro-bind', '/', '/', '--dev-bind', '/dev', '/dev', '--bind', PROC, PROC]
      : ['--dev-bind', '/', '/']),
    // A directory before what lies in it.
    ...[...mounts].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([path, words]) => [...words, path]),
    // What becomes the program needs them, and gives them up (launcher/calls.ts).
    ...(process.getuid!() === 0 ? ['--cap-add', 'ALL'] : []),
  ];
}

/** The directories that lead to places in empty ones; bubblewrap itself would make them for nobody but its user. */
function parentsIn(emptied: readonly string[], places: readonly string[]): string[] {
  return places.flatMap((place) => {
    const root = emptied.find((directory) => isBelow(place, directory));
    const parents: string[] = [];
    if (root !== undefined) for (let at = dirname(place); at !== root; at = dirname(at)) parents.push(at);
    return parents;
  });
}

/**
 * The same with real paths, as bubblewrap cannot mount on a link, and without what is there anyway.
 * @throws FleetError SPEC_INVALID for a writable path that is not there, or leads through a link of an agent's
 */
function resolved({ readOnly, writable, emptied, visible }: Sandbox): Sandbox {
  const covered = [...new Set(emptied.flatMap((path) => realPath(path) ?? []))];
  const isCovered = (path: string) => covered.some((directory) => isBelow(path, directory));
  for (const path of writable) checkWritable(path);
  const real = [...writable, ...visible].flatMap((path) => realPath(path) ?? []);
  /** Where a path really is. In an empty directory it keeps the name that it is known by, unless that is there already. */
  const namesOf = (path: string): string[] => {
    const target = realPath(path);
    if (target === null) return [];
    const known = join(realPath(dirname(path)) ?? '/', basename(path));
    const isMissing = isCovered(known) && !real.some((place) => isCovered(place) && isBelow(known, place));
    return isMissing ? [target, known] : [target];
  };
  const open = [...new Set(writable.flatMap(namesOf))].filter((path) => readOnly || isCovered(path));
  const seen = [...new Set(visible.flatMap(namesOf))].filter(isCovered);
  const isIn = (path: string, places: readonly string[]) =>
    places.some((place) => isCovered(place) && isBelow(path, place));
  return {
    readOnly,
    writable: open,
    emptied: covered,
    visible: seen.filter((path) => !open.includes(path) && !isIn(path, [...open, ...seen])),
  };
}

/**
 * Whoever owns a link decides what becomes writable through it: that must be root or the supervisor's user, not an agent.
 * @throws FleetError SPEC_INVALID
 */
function checkWritable(path: string): void {
  const refuse = (what: string, cause?: unknown) =>
    new FleetError('SPEC_INVALID', `sandbox.writable: ${what}`, {
      hint: 'Make it before the agents start, or take it out of the spec.',
      cause,
    });
  try {
    realpathSync(path);
    const link = foreignLink(path);
    if (link === null) return;
    throw refuse(`${link.path} is a link of uid ${link.uid}, who could make anything writable by it`);
  } catch (error) {
    if (error instanceof FleetError) throw error;
    throw refuse(isGone(error) ? `there is no ${path}` : (error as Error).message, error);
  }
}

/** The first link on the way to a file that is neither root's nor this user's; null if there is none. */
function foreignLink(path: string): { path: string; uid: number } | null {
  let at = '/';
  for (const part of path.split('/')) {
    at = join(at, part);
    const found = lstatSync(at);
    if (!found.isSymbolicLink()) continue;
    if (found.uid !== 0 && found.uid !== process.getuid!()) return { path: at, uid: found.uid };
    const further = foreignLink(resolve(dirname(at), readlinkSync(at)));
    if (further !== null) return further;
  }
  return null;
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`) && path !== directory;
}

/** Where a path really is; null if it leads nowhere. */
function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
