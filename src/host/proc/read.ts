import { closeSync, openSync, readSync } from 'node:fs';
import { readUpTo } from '../sys/bounded.ts';

/** The kernel's files about processes and itself. Every reader of this room accepts another root, such as a captured host. */
export const PROC = '/proc';

let buffer = Buffer.alloc(64 * 1024);

/**
 * Reads a whole file of /proc or a cgroup into one reused buffer, at half the cost of readFileSync, which asks for a size
 * that these files do not have.
 * @returns a view that is valid until the next call; null if the file or its process is gone or inaccessible
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
 * The first `bytesMax` of such a file, in a buffer of their own: a process controls its words and environment, which may
 * be megabytes.
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

/** The result of readProc() as text, trimmed. */
export function readProcText(path: string): string | null {
  return readProc(path)?.toString('utf8').trim() ?? null;
}

const GONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENODEV', 'ENOTDIR']);

/** Whether a failed call means that the process (or its cgroup) is gone or inaccessible, not a fault. */
export function isGone(error: unknown): boolean {
  return GONE.has((error as NodeJS.ErrnoException).code ?? '');
}
