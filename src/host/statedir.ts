import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { FleetError } from '../errors.ts';

/** Makes a directory that agents may pass through, but only the supervisor's user write to. */
export function makeTraversable(path: string): void {
  makeOwn(path, 0o711);
}

/** Makes a directory for the supervisor's user alone. */
export function makePrivate(path: string): void {
  makeOwn(path, 0o700);
}

function makeOwn(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode });
  const { uid } = lstatSync(path);
  if (uid !== process.getuid!()) {
    throw new FleetError('STATE_UNUSABLE', `${path} belongs to uid ${uid}, not to the supervisor's user`, {
      hint: 'Give it to that user, or set FLEETD_STATE_DIR and FLEETD_RUNTIME_DIR.',
    });
  }
  chmodSync(path, mode);
}

/** Lets every user write to a socket; who it was is told by credentials that the kernel vouches for. */
export function publish(path: string): void {
  chmodSync(path, 0o666);
}
