import { lastError, libc, SystemCallError } from '../sys/libc.ts';

const LOCK_EXCLUSIVE_NONBLOCK = 2 | 4;

/**
 * Takes an exclusive lock on an open file without waiting (flock(2)); it ends with the descriptor.
 * @param path the file, for the message
 * @returns false if another process has it
 * @throws SystemCallError
 */
export function tryFlock(fd: number, path: string): boolean {
  if (libc.flock(fd, LOCK_EXCLUSIVE_NONBLOCK) >= 0) return true;
  const error = lastError();
  if (error === 'EAGAIN') return false;
  throw SystemCallError.named(`flock ${path}`, error);
}
