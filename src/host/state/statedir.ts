import { chmodSync, lstatSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { makeDirectory } from '../files/files.ts';

/** Permission bits (inode(7)): who may write, and that in a directory only owners may rename or delete. */
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

/** Makes a directory that agents may pass through, but only the supervisor's user write to. */
export function makeTraversable(path: string): void {
  makeOwn(path, 0o711);
}

/** Makes a directory for the supervisor's user alone. */
export function makePrivate(path: string): void {
  makeOwn(path, 0o700);
}

/**
 * What is found there was perhaps written by whoever could: a directory that others can write to is refused, not only
 * closed.
 * @throws FleetError STATE_UNUSABLE
 */
function makeOwn(path: string, mode: number): void {
  makeDirectory(path, mode);
  const { uid, mode: found } = statSync(path);
  if (uid !== process.getuid!()) {
    throw new FleetError('STATE_UNUSABLE', `${path} belongs to uid ${uid}, not to the supervisor's user`, {
      hint: 'Give it to that user, or set FLEETD_STATE_DIR and FLEETD_RUNTIME_DIR.',
    });
  }
  if (found & (GROUP_WRITES | OTHERS_WRITE)) {
    throw new FleetError('STATE_UNUSABLE', `others can write to ${path}: its mode is ${octal(found)}`, {
      hint: `See that nobody has put anything there, then chmod go-w ${path}.`,
    });
  }
  chmodSync(path, mode);
}

/**
 * Refuses a path that others could lead elsewhere: who can write to one of the directories above it, and these are not
 * sticky, can put something of his own in its place.
 * @throws FleetError STATE_UNUSABLE
 */
export function checkWay(path: string): void {
  for (let above = dirname(path); ; above = dirname(above)) {
    const stats = statSync(above, { throwIfNoEntry: false });
    if (stats && mayBeSwapped(stats)) {
      throw new FleetError(
        'STATE_UNUSABLE',
        `others can replace ${path}: the mode of ${above} is ${octal(stats.mode)}`,
        { hint: `chmod o-w ${above}, or set FLEETD_STATE_DIR and FLEETD_RUNTIME_DIR.` },
      );
    }
    if (above === dirname(above)) return;
  }
}

/** A group may be the user's own, and mostly is: it is not asked for here. */
function mayBeSwapped({ mode }: Stats): boolean {
  return (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8);
}

/** Lets every user write to a socket; who it was is told by credentials that the kernel vouches for. */
export function publish(path: string): void {
  chmodSync(path, 0o666);
}

/** Removes a socket that an earlier supervisor left. @throws FleetError STATE_UNUSABLE where it is no socket */
export function removeSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw FleetError.of('STATE_UNUSABLE.inTheWay', { path, what: 'it is not a socket' });
  unlinkSync(path);
}

/** What tells one socket at a path from the next: device, inode and the time it was made; null where none is there. */
export function socketIdentity(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSocket() ? `${found.dev} ${found.ino} ${found.birthtimeMs}` : null;
}
