import { closeSync, openSync, readSync } from 'node:fs';
import { readUpTo } from '../sys/bounded.ts';

/** Where the kernel tells of processes and of itself. Every reader of this room takes another root, as of a captured host. */
export const PROC = '/proc';

let buffer = Buffer.alloc(64 * 1024);

/**
 * Reads a file of /proc or a cgroup whole into one reused buffer: half the cost of readFileSync, which asks for a
 * size that these files do not have.
 * @returns a view that is valid until the next call; null where the file or its process is gone or not for us to read
 */
export function readProc(path: string): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
  try {
    let length = 0;
    for (;;) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      if (count === 0) return buffer.subarray(0, length);
      length += count;
    }
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * The first `bytesMax` of such a file, in a buffer of their own: what a process has for words and environment is its
 * own to make, and may be megabytes.
 */
export function readProcHead(path: string, bytesMax: number): Buffer | null {
  try {
    const fd = openSync(path, 'r');
    try {
      return readUpTo(fd, bytesMax);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** What readProc() reads, as text, trimmed. */
export function readProcText(path: string): string | null {
  return readProc(path)?.toString('utf8').trim() ?? null;
}

const GONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENODEV', 'ENOTDIR']);

/** Whether a failed call says that the process (or its cgroup) is gone or closed to us, as opposed to a fault. */
export function isGone(error: unknown): boolean {
  return GONE.has((error as NodeJS.ErrnoException).code ?? '');
}
