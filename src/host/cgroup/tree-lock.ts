import { closeSync, constants, openSync } from 'node:fs';
import { FleetError } from '../../errors/fleet-error.ts';
import { readCommand } from '../proc/pid.ts';
import { tryFlock } from '../state/flock.ts';
import { lockHolder } from '../state/lock-holder.ts';

/**
 * Makes this process the owner of a cgroup tree until it ends. The lock is on the tree's own directory (flock(2)), which
 * is the same file in every mount namespace, chroot and container that shows the hierarchy.
 * @param root the tree's directory
 * @returns a function that gives it back
 * @throws FleetError STATE_LOCKED if another process owns it
 */
export function lockTree(root: string): () => void {
  const fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  let isOurs = false;
  try {
    isOurs = tryFlock(fd, root);
  } finally {
    if (!isOurs) closeSync(fd);
  }
  if (isOurs) return once(() => closeSync(fd));
  throw new FleetError(
    'STATE_LOCKED',
    `${describeHolder(root)} owns the cgroup tree ${root} of the same agents; it runs in another namespace, or on a copy of ` +
      'the state directory',
  );
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

function describeHolder(root: string): string {
  const pid = lockHolder(root);
  return pid === null
    ? 'a supervisor in another pid namespace'
    : `the supervisor with pid ${pid} (${readCommand(pid)})`;
}
