import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { lastError, libc } from '../libc.ts';
import { lockHolder } from './lock-holder.ts';

const LOCK_EXCLUSIVE_NONBLOCK = 2 | 4;

/**
 * Takes a lock that ends with this process, however it ends (flock(2)), and writes our pid into its file.
 * @returns how to give it back; where it is taken, the pid of who holds it
 */
export function takeLock(path: string): { unlock: () => void } | { holder: string } {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  if (libc.flock(fd, LOCK_EXCLUSIVE_NONBLOCK) < 0) {
    const error = lastError();
    closeSync(fd);
    if (error !== 'EAGAIN') throw new Error(`flock ${path}: ${error}`);
    return { holder: String(lockHolder(path) ?? readFileSync(path, 'utf8').trim()) };
  }
  tellPid(fd);
  return { unlock: () => closeSync(fd) };
}

/** In place, so that a full disk has to find no room; the lock is ours whether its file can say so or not. */
function tellPid(fd: number): void {
  try {
    ftruncateSync(fd, writeSync(fd, `${process.pid}\n`, 0));
  } catch {}
}
