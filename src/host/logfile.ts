import { closeSync, constants, fstatSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const FOLLOW_POLL_MS = 200;
const CHUNK_BYTES = 64 * 1024;
/** So many bytes read last tell where in a log one was. */
const MARK_BYTES = 1024;
/** So much of a log is looked through for its last lines. */
const LOOK_BACK_BYTES_MAX = 64 * 1024 * 1024;

/** Where the older part of a log is kept. */
const olderPart = (path: string): string => `${path}.1`;

/** The last `bytes` of a file, and the file's size; empty where there is none. Never follows a link. */
function readEnd(path: string, bytes: number): { content: Buffer; size: number } {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { content: Buffer.alloc(0), size: 0 };
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    const content = Buffer.alloc(Math.min(bytes, size));
    const count = readSync(fd, content, 0, content.length, size - content.length);
    return { content: content.subarray(0, count), size };
  } finally {
    closeSync(fd);
  }
}

/** The last `bytes` of what an agent wrote, as text. */
export function readLogEnd(path: string, bytes: number): string {
  return readEnd(path, bytes).content.toString('utf8');
}

/**
 * Keeps a log within `maxBytes`: beyond half of it, the newest half moves to the older part and the file begins anew.
 * Agents write in append mode, so they go on at its new start. What is written between copy and cut is lost.
 */
export function boundLog(path: string, maxBytes: number): void {
  const half = Math.floor(maxBytes / 2);
  const { content, size } = readEnd(path, half);
  if (size <= half) return;
  try {
    writeFileSync(olderPart(path), content, { mode: 0o640 });
  } finally {
    truncateSync(path, 0);
  }
}

/** The last `count` lines of a log, its older part included. */
function lastLines(path: string, count: number, size: number): Buffer {
  const { content } = readEnd(path, Math.min(size, LOOK_BACK_BYTES_MAX));
  const older = readEnd(olderPart(path), LOOK_BACK_BYTES_MAX).content;
  const whole = Buffer.concat([older, content]);
  let at = whole.length;
  for (let lines = 0; at > 0; at--) {
    if (whole[at - 1] === 0x0a && at < whole.length && ++lines === count) break;
  }
  return count === 0 ? Buffer.alloc(0) : whole.subarray(at);
}

/**
 * The last lines of a log, and then, if asked to, what is added to it, until `signal` aborts.
 * A log that was cut is read on from its new start.
 */
export async function* readLog(
  path: string,
  lines: number,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let { size: position } = readEnd(path, 0);
  let last = lastLines(path, lines, position);
  yield last;
  while (follow && !signal.aborted) {
    const { size } = readEnd(path, 0);
    if (size < position) {
      // Cut: what was not read yet has moved to the older part, after what was read last.
      position = 0;
      const unread = after(readEnd(olderPart(path), LOOK_BACK_BYTES_MAX).content, last);
      if (unread.length > 0) yield unread;
      continue;
    }
    if (size === position) {
      await sleep(FOLLOW_POLL_MS, undefined, { signal }).catch(() => {});
      continue;
    }
    const { content } = readEnd(path, size - position);
    position += content.length;
    last = content;
    for (let at = 0; at < content.length; at += CHUNK_BYTES) yield content.subarray(at, at + CHUNK_BYTES);
  }
}

/** What follows `known` in `whole`; all of it where `known` is not in it any more. */
function after(whole: Buffer, known: Buffer): Buffer {
  const end = known.subarray(-MARK_BYTES);
  const at = end.length === 0 ? -1 : whole.lastIndexOf(end);
  return at < 0 ? whole : whole.subarray(at + end.length);
}
