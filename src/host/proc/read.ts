import { closeSync, openSync, readSync } from 'node:fs';
import { readUpTo } from '../sys/bounded.ts';

/** The kernel's files about processes and itself. Every reader of this room accepts another root, such as a captured host. */
export const PROC = '/proc';

/** A page of the kernel's is full of numbers at this size, whatever the size of its pages. */
const FULL_PAGE = 4096 - 32;
let buffer = Buffer.alloc(64 * 1024);

/**
 * Reads a whole file of /proc or a cgroup into one reused buffer, at half the cost of readFileSync, which asks for a size
 * that these files do not have.
 * @returns a view that is valid until the next call; null if the file or its process is gone or inaccessible
 */
export function readProc(path: string): Buffer | null {
  return withFile(path, (fd) => {
    let length = 0;
    for (;;) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      if (count === 0) return buffer.subarray(0, length);
      length += count;
    }
  });
}

/**
 * A file that the kernel writes as one record (single_open in fs/seq_file.c: stat, statm and cgroup of a process; files of
 * a cgroup but its list of processes). It comes whole in one read, without the second one that finds its end.
 */
export function readRecord(path: string): string | null {
  return withFile(path, (fd) => buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, null)));
}

/** A list of numbers. The kernel ends a read early only where the next number has no room in its page (seq_read_iter). */
export function readList(path: string): string | null {
  return withFile(path, (fd) => {
    let text = '';
    for (;;) {
      const count = readSync(fd, buffer, 0, buffer.length, null);
      text += buffer.toString('latin1', 0, count);
      if (count < FULL_PAGE) return text;
    }
  });
}

/**
 * The first `bytesMax` of such a file, in a buffer of their own: a process controls its words and environment, which may
 * be megabytes.
 */
export function readProcHead(path: string, bytesMax: number): Buffer | null {
  return withFile(path, (fd) => readUpTo(fd, bytesMax));
}

/** Opens a file and reads it; null if it, or its process, is gone or inaccessible. */
function withFile<T>(path: string, read: (fd: number) => T): T | null {
  try {
    const fd = openSync(path, 'r');
    try {
      return read(fd);
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
