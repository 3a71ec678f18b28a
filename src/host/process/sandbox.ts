import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
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
/** Shells and bubblewrap exit with 128 and the number of the signal that has ended their child. */
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
    return findExecutable('bwrap', '/', SYSTEM_PATH, 'sandbox');
  } catch (error) {
    throw new FleetError('EXECUTABLE_UNUSABLE', 'sandbox: this host has no bubblewrap (bwrap)', {
      hint: INSTALL,
      cause: error,
    });
  }
}

/** bwrap(1) mounts in this order, so that a later mount lies on an earlier one. Nothing in its words is a secret. */
function mountWords({ readOnly, writable, emptied, visible }: Sandbox): string[] {
  const places = new Map([
    ...visible.map((path) => [path, readOnly ? '--ro-bind' : '--dev-bind'] as const),
    ...writable.map((path) => [path, '--dev-bind'] as const),
  ]);
  return [
    'bwrap',
    ...(readOnly
      ? ['--ro-bind', '/', '/', '--dev-bind', '/dev', '/dev', '--bind', PROC, PROC]
      : ['--dev-bind', '/', '/']),
    ...emptied.flatMap((directory) => ['--perms', ANYBODY, '--tmpfs', directory]),
    ...parentsIn(emptied, [...places.keys()]).flatMap((path) => ['--perms', '0755', '--dir', path]),
    // A directory before what lies in it.
    ...[...places].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([path, how]) => [how, path, path]),
    // What becomes the program needs them, and gives them up (launcher/calls.ts).
    ...(process.getuid!() === 0 ? ['--cap-add', 'ALL'] : []),
  ];
}

/** The directories that lead to places in empty ones, in order; bubblewrap itself would make them for nobody but its user. */
function parentsIn(emptied: readonly string[], places: readonly string[]): string[] {
  const parents = new Set<string>();
  for (const place of places) {
    const root = emptied.find((directory) => place.startsWith(`${directory}/`));
    if (root === undefined) continue;
    for (let at = dirname(place); at !== root; at = dirname(at)) parents.add(at);
  }
  return [...parents].toSorted();
}

/** The same with real paths: bubblewrap follows no link where it mounts. */
function resolved({ readOnly, writable, emptied, visible }: Sandbox): Sandbox {
  const covered = [...new Set(emptied.flatMap((path) => realPath(path) ?? []))];
  const isCovered = (path: string) => covered.some((directory) => path.startsWith(`${directory}/`));
  /** Where a path really is; under an empty directory it also keeps the name that it is known by. */
  const namesOf = (path: string): string[] => {
    const real = realPath(path);
    if (real === null) return [];
    const known = `${realPath(dirname(path)) ?? ''}/${basename(path)}`;
    return [...new Set([real, ...(isCovered(known) ? [known] : [])])];
  };
  const missing = writable.find((path) => realPath(path) === null);
  if (missing !== undefined)
    throw new FleetError('SPEC_INVALID', `sandbox.writable: there is no ${missing}`, {
      hint: 'Make it before the agents start, or take it out of the spec.',
    });
  return {
    readOnly,
    writable: writable.flatMap(namesOf).filter((path) => readOnly || isCovered(path)),
    emptied: covered,
    visible: visible.flatMap(namesOf).filter(isCovered),
  };
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}
