import { chmodSync, lstatSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { makeDirectory } from '../files/files.ts';

/** Permission bits (inode(7)): others may write, and the sticky bit, with which only owners may rename or delete. */
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

/** Makes a directory that agents may pass through, but only the supervisor's user may write to. */
export function makeTraversable(path: string): void {
  makeOwn(path, 0o711);
}

/** Makes a directory for the supervisor's user alone. */
export function makePrivate(path: string): void {
  makeOwn(path, 0o700);
}

/**
 * The content of a directory that others can write to may be theirs, so it is refused, and not just closed.
 * @throws FleetError STATE_UNUSABLE
 */
function makeOwn(path: string, mode: number): void {
  makeDirectory(path, mode);
  const { uid, mode: found } = statSync(path);
  if (uid !== process.getuid!()) {
    throw new FleetError('STATE_UNUSABLE', `${path} belongs to uid ${uid}, not to the supervisor's user`, {
      hint: 'Change its owner to that user, or set FLEETD_STATE_DIR and FLEETD_RUNTIME_DIR.',
    });
  }
  if (found & (GROUP_WRITES | OTHERS_WRITE)) {
    throw new FleetError('STATE_UNUSABLE', `others can write to ${path}: its mode is ${octal(found)}`, {
      hint: `Check that others have put nothing there, then run chmod go-w ${path}.`,
    });
  }
  chmodSync(path, mode);
}

/**
 * Refuses a path that others could redirect: a user who can write to a directory above it that is not sticky can replace
 * it.
 * @throws FleetError STATE_UNUSABLE
 */
export function checkWay(path: string): void {
  for (let above = dirname(path); ; above = dirname(above)) {
    const stats = statSync(above, { throwIfNoEntry: false });
    if (stats && mayBeSwapped(stats)) {
      throw new FleetError(
        'STATE_UNUSABLE',
        `others can replace ${path}: the mode of ${above} is ${octal(stats.mode)}`,
        { hint: `Run chmod o-w ${above}, or set FLEETD_STATE_DIR and FLEETD_RUNTIME_DIR.` },
      );
    }
    if (above === dirname(above)) return;
  }
}

/** The group is not checked, because it is mostly the user's own. */
function mayBeSwapped({ mode }: Stats): boolean {
  return (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8);
}

/** Lets every user write to a socket; the kernel vouches for the credentials of the sender. */
export function publish(path: string): void {
  chmodSync(path, 0o666);
}

/** Removes a socket that an earlier supervisor left. @throws FleetError STATE_UNUSABLE if it is not a socket */
export function removeSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw FleetError.of('STATE_UNUSABLE.inTheWay', { path, what: 'it is not a socket' });
  unlinkSync(path);
}

/** Distinguishes sockets at the same path: device, inode and birth time; null if there is none. */
export function socketIdentity(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSocket() ? `${found.dev} ${found.ino} ${found.birthtimeMs}` : null;
}
