import { type Stats, statSync } from 'node:fs';
import { readLocks } from '../proc/locks.ts';
import { listFds, readFdInfo, statLink } from '../proc/pid.ts';

/** A line of /proc/locks (proc_locks(5)) about a whole-file lock for writing: the pid and the inode number. */
const LINE = /^\d+: FLOCK +\w+ +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /;

/** The exclusive locks (flock(2)) with their holders, from /proc/locks. */
export function parseLocks(text: string): { pid: number; inode: number }[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, inode] = LINE.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), inode: Number(inode) }];
  });
}

/**
 * The process that holds the exclusive lock on a file, as the kernel reports it; the file's content does not count.
 * /proc/locks names the device of the superblock, which differs from that of stat(2) on btrfs and overlayfs. So each
 * holder of a lock must have a descriptor of this very file, by device and inode, with a lock in its fdinfo.
 * @returns null if none is visible: the lock is free, or its holder is another user's, or in another pid namespace
 */
export function lockHolder(path: string): number | null {
  const file = statSync(path, { throwIfNoEntry: false });
  if (!file) return null;
  const likelyFirst = parseLocks(readLocks()).toSorted(
    (a, b) => Number(b.inode === file.ino) - Number(a.inode === file.ino),
  );
  return likelyFirst.find(({ pid }) => holds(pid, file))?.pid ?? null;
}

/** Whether a process has a file open with its own exclusive lock. The lock is opened early, so low numbers come first. */
function holds(pid: number, file: Pick<Stats, 'dev' | 'ino'>): boolean {
  const fds = listFds(pid).toSorted((a, b) => Number(a) - Number(b));
  return fds.some((fd) => {
    const found = statLink(pid, `fd/${fd}`);
    if (found?.dev !== file.dev || found.ino !== file.ino) return false;
    return /^lock:\t\d+: FLOCK +\w+ +WRITE /m.test(readFdInfo(pid, fd));
  });
}
