import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type Result, refusal, success } from '../sys/result.ts';
import { tryFlock } from './flock.ts';
import { lockHolder } from './lock-holder.ts';

/** Another process has a lock. */
export class LockHeld extends Error {
  /** The pid of the holder, or the one in its file. */
  readonly holder: string;

  constructor(path: string, holder: string) {
    super(`${path} is held by pid ${holder}`);
    this.name = 'LockHeld';
    this.holder = holder;
  }
}

/**
 * Takes a lock that ends with this process, however it ends (flock(2)), and writes our pid into its file.
 * @returns a function that gives it back, or the holder
 */
export function takeLock(path: string): Result<() => void, LockHeld> {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  let isOurs = false;
  try {
    isOurs = tryFlock(fd, path);
  } finally {
    if (!isOurs) closeSync(fd);
  }
  if (!isOurs) {
    const holder = lockHolder(path) ?? readFileSync(path, 'utf8').trim();
    return refusal(new LockHeld(path, String(holder)));
  }
  writePid(fd);
  return success(() => closeSync(fd));
}

/** Writes in place, so that a full disk needs no room; the lock is ours even if the pid cannot be written. */
function writePid(fd: number): void {
  try {
    ftruncateSync(fd, writeSync(fd, `${process.pid}\n`, 0));
  } catch {}
}
