import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { lastError, libc } from './libc.ts';

const LOCK_EXCLUSIVE_NONBLOCK = 2 | 4;

/**
 * Takes a lock that ends with this process, however it ends (flock(2)), and writes our pid into its file.
 * @returns how to give it back; where it is taken, the pid of who holds it
 */
export function takeLock(path: string): { release: () => void } | { holder: string } {
  const fd = openSync(path, 'a+', 0o600);
  if (libc.flock(fd, LOCK_EXCLUSIVE_NONBLOCK) < 0) {
    const error = lastError();
    closeSync(fd);
    if (error !== 'EAGAIN') throw new Error(`flock ${path}: ${error}`);
    return { holder: readFileSync(path, 'utf8').trim() };
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`);
  return { release: () => closeSync(fd) };
}
