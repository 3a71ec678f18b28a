import { type Stats, statSync } from 'node:fs';
import { readLocks } from '../proc/locks.ts';
import { listFds, readFdInfo, statLink } from '../proc/pid.ts';

/** A line of /proc/locks (proc_locks(5)) about a whole-file lock for writing: the pid and the inode number. */
const LINE = /^\d+: FLOCK +\w+ +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /;

/** Who holds which exclusive locks (flock(2)), as /proc/locks lists them. */
export function parseLocks(text: string): { pid: number; inode: number }[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, inode] = LINE.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), inode: Number(inode) }];
  });
}

/**
 * The process that holds the exclusive lock on a file, on the kernel's own word; what the file says is not asked.
 * /proc/locks names the device of the superblock, which is not what stat(2) says on btrfs and overlayfs: so each holder
 * of a lock is asked for a descriptor of this very file, by device and inode, on which the kernel has a lock noted.
 * @returns null where nobody is seen to: the lock is free, or its holder is another user's, or in another pid namespace
 */
export function lockHolder(path: string): number | null {
  const file = statSync(path, { throwIfNoEntry: false });
  if (!file) return null;
  const likelyFirst = parseLocks(readLocks()).toSorted(
    (a, b) => Number(b.inode === file.ino) - Number(a.inode === file.ino),
  );
  return likelyFirst.find(({ pid }) => holds(pid, file))?.pid ?? null;
}

/** Whether a process has a file open with an exclusive lock of its own on it. The lock is opened early: low numbers first. */
function holds(pid: number, file: Pick<Stats, 'dev' | 'ino'>): boolean {
  const fds = listFds(pid).toSorted((a, b) => Number(a) - Number(b));
  return fds.some((fd) => {
    const found = statLink(pid, `fd/${fd}`);
    if (found?.dev !== file.dev || found.ino !== file.ino) return false;
    return /^lock:\t\d+: FLOCK +\w+ +WRITE /m.test(readFdInfo(pid, fd));
  });
}
