import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type Result, refusal, success } from '../sys/result.ts';
import { tryFlock } from './flock.ts';
import { lockHolder } from './lock-holder.ts';

/** Somebody else has a lock. */
export class LockHeld extends Error {
  /** The pid of who holds it, or what its file says of that one. */
  readonly holder: string;

  constructor(path: string, holder: string) {
    super(`${path} is held by pid ${holder}`);
    this.name = 'LockHeld';
    this.holder = holder;
  }
}

/**
 * Takes a lock that ends with this process, however it ends (flock(2)), and writes our pid into its file.
 * @returns how to give it back, or who holds it
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
  tellPid(fd);
  return success(() => closeSync(fd));
}

/** In place, so that a full disk has to find no room; the lock is ours whether its file can say so or not. */
function tellPid(fd: number): void {
  try {
    ftruncateSync(fd, writeSync(fd, `${process.pid}\n`, 0));
  } catch {}
}
