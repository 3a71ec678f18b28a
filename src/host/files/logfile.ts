import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRegular, readAt } from '../sys/bounded.ts';
import type { ReadProblem } from '../sys/read-problem.ts';

const FOLLOW_POLL_MS = 200;
/** The size of the pieces in which logs are read and copied, however large they are or claim to be. */
const CHUNK_BYTES = 64 * 1024;
/** The number of bytes read last that identify a position in a log. */
const MARK_BYTES = 1024;
/** The maximum that is searched for the last lines of a log. */
const LOOK_BACK_BYTES_MAX = 16 * 1024 * 1024;
/** A follower that is further behind skips everything but the end. */
const BEHIND_BYTES_MAX = 64 * 1024 * 1024;
const BEHIND_BYTES_KEPT = 1024 * 1024;
const NEWLINE = 0x0a;

/** The path of the older part of a log. */
const olderPart = (path: string): string => `${path}.1`;

/** An open part of a log, with its size when it was opened. */
interface Part {
  fd: number;
  size: number;
}

/** Opens a part of a log; null if there is none. Anything else in its place (a link, a FIFO) is not followed. */
function openPart(path: string): Part | null {
  try {
    return openRegular(path, false);
  } catch (error) {
    if ((error as ReadProblem).code === 'ENOENT') return null;
    throw error;
  }
}

function closeAll(parts: readonly (Part | null)[]): void {
  for (const part of parts) if (part) closeSync(part.fd);
}

/**
 * The last bytes of an agent's output, as text; only for small numbers.
 * @throws ReadProblem if its path does not hold a log
 */
export function readLogEnd(path: string, bytes: number): string {
  const part = openPart(path);
  if (!part) return '';
  try {
    const content = Buffer.alloc(Math.min(bytes, part.size));
    return content.toString(
      'utf8',
      0,
      readSync(part.fd, content, 0, content.length, part.size - content.length),
    );
  } finally {
    closeAll([part]);
  }
}

/**
 * Bounds a log to `maxBytes`: beyond half of it, the newest half moves to the older part and the file restarts empty.
 * Agents write in append mode, so they continue at its new start. It is copied next to the loop, except for what was
 * written meanwhile; of that, more than one piece is lost, and so is what is written between the last copy and the cut.
 */
export async function boundLog(path: string, maxBytes: number): Promise<void> {
  const half = Math.floor(maxBytes / 2);
  const part = openPart(path);
  if (!part) return;
  const copy = `${path}.new`;
  try {
    if (part.size <= half) return;
    try {
      const to = openSync(
        copy,
        constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
        0o640,
      );
      try {
        for await (const chunk of piecesOf(part.fd, part.size - half, part.size)) writeSync(to, chunk);
        copyRest(part, to, Math.min(CHUNK_BYTES, half));
      } finally {
        closeSync(to);
      }
      // In one turn with the cut, so that readers of both parts find in one what has left the other.
      renameSync(copy, olderPart(path));
    } finally {
      // The file that was copied, whatever has its name now.
      truncateSync(`/proc/self/fd/${part.fd}`, 0);
    }
  } finally {
    rmSync(copy, { force: true });
    closeAll([part]);
  }
}

/** Copies what was added since the part was opened, or the end of it. */
function copyRest({ fd, size }: Part, to: number, bytesMax: number): void {
  const added = fstatSync(fd).size - size;
  if (added <= 0) return;
  const rest = Buffer.alloc(Math.min(added, bytesMax));
  writeSync(to, rest, 0, readSync(fd, rest, 0, rest.length, size + added - rest.length));
}

/** The content between two positions of a file, piece by piece; less if it was cut meanwhile. */
async function* piecesOf(fd: number, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    const chunk = await readAt(fd, at, Math.min(CHUNK_BYTES, to - at));
    if (chunk.length === 0) return;
    at += chunk.length;
    yield chunk;
  }
}

/** Where the last `count` lines of a file begin, and their number; searches at most `bytesMax`. */
async function findLines(
  { fd, size }: Part,
  count: number,
  bytesMax: number,
): Promise<{ start: number; lines: number }> {
  const end = Math.max(0, size - bytesMax);
  let lines = 0;
  for (let at = size; at > end; ) {
    const from = Math.max(end, at - CHUNK_BYTES);
    const chunk = await readAt(fd, from, at - from);
    for (let i = chunk.lastIndexOf(NEWLINE); i >= 0; i = i === 0 ? -1 : chunk.lastIndexOf(NEWLINE, i - 1)) {
      // The newline that ends the last line starts none.
      if (from + i + 1 < size && ++lines === count) return { start: from + i + 1, lines };
    }
    at = from;
  }
  return { start: end, lines };
}

/** The last `count` lines of a log, its older part included. */
async function* lastLines(part: Part | null, older: Part | null, count: number): AsyncGenerator<Buffer> {
  if (count === 0) return;
  const found = part && (await findLines(part, count, LOOK_BACK_BYTES_MAX));
  const isWhole = !found || (found.start === 0 && found.lines < count);
  if (older && isWhole) {
    // If the newer part starts with a line of its own, the newline before it is the older part's last.
    const { start, lines } = await findLinesBefore(older, part, count - (found?.lines ?? 0));
    if (start > 0 && lines < count - (found?.lines ?? 0)) yield leftOut(start);
    yield* piecesOf(older.fd, start, older.size);
  } else if (found && found.start > 0 && found.lines < count) yield leftOut(found.start);
  if (part) yield* piecesOf(part.fd, found!.start, part.size);
}

/** As findLines(), in the older part: its last newline starts a line if the newer part has content. */
async function findLinesBefore(
  older: Part,
  newer: Part | null,
  count: number,
): Promise<{ start: number; lines: number }> {
  if (!newer || newer.size === 0) return findLines(older, count, LOOK_BACK_BYTES_MAX);
  const last = await readAt(older.fd, older.size - 1, 1);
  const isEnded = last[0] === NEWLINE;
  if (isEnded && count === 1) return { start: older.size, lines: 1 };
  const found = await findLines(older, isEnded ? count - 1 : count, LOOK_BACK_BYTES_MAX);
  return { start: found.start, lines: found.lines + Number(isEnded) };
}

const leftOut = (bytes: number): Buffer => Buffer.from(`[fleetd: ${bytes} bytes omitted here]\n`);

/**
 * The last lines of a log and then, if requested, its additions, until `signal` aborts. A log that was cut is continued
 * from its new start. Memory does not grow with the log: a reader that is far behind gets a note of the omitted bytes.
 * @throws ReadProblem if its path no longer holds a log
 */
export async function* readLog(
  path: string,
  lines: number,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  // Both in one turn, so that nothing moves from one to the other in between.
  const parts = [openPart(path), openPart(olderPart(path))] as const;
  let position = parts[0]?.size ?? 0;
  let mark: Buffer = Buffer.alloc(0);
  let older = identityOf(olderPart(path));
  try {
    for await (const chunk of lastLines(...parts, lines)) {
      mark = lastOf(mark, chunk);
      yield chunk;
    }
    if (mark.length === 0 && parts[0])
      mark = await readAt(parts[0].fd, Math.max(0, position - MARK_BYTES), MARK_BYTES);
  } finally {
    closeAll(parts);
  }
  while (follow && !signal.aborted) {
    const part = openPart(path);
    try {
      const size = part?.size ?? 0;
      const [before, now] = [older, identityOf(olderPart(path))];
      older = now;
      if (size < position) {
        position = 0;
        // We cut it: what was not read yet has moved to the older part, after what was read last.
        if (now !== before) yield* unread(olderPart(path), mark);
        continue;
      }
      if (size - position > BEHIND_BYTES_MAX) {
        yield leftOut(size - BEHIND_BYTES_KEPT - position);
        position = size - BEHIND_BYTES_KEPT;
      }
      if (part && size > position) {
        for await (const chunk of piecesOf(part.fd, position, size)) {
          position += chunk.length;
          mark = lastOf(mark, chunk);
          yield chunk;
        }
        continue;
      }
    } finally {
      closeAll([part]);
    }
    await sleep(FOLLOW_POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** The identity of the file at a path; null if there is none. */
function identityOf(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found ? `${found.ino} ${found.ctimeMs}` : null;
}

/** The end of what was read, extended by this. */
function lastOf(mark: Buffer, chunk: Buffer): Buffer {
  // Copied, so that a piece is not kept for its end.
  return Buffer.concat([mark, chunk.subarray(-MARK_BYTES)]).subarray(-MARK_BYTES);
}

/** What follows `mark` in a file; all of it if the searched part no longer contains `mark`. */
async function* unread(path: string, mark: Buffer): AsyncGenerator<Buffer> {
  const part = openPart(path);
  if (!part) return;
  try {
    const start = await findAfter(part, mark);
    if (start > 0 || part.size <= LOOK_BACK_BYTES_MAX) yield* piecesOf(part.fd, start, part.size);
    else {
      yield leftOut(part.size - LOOK_BACK_BYTES_MAX);
      yield* piecesOf(part.fd, part.size - LOOK_BACK_BYTES_MAX, part.size);
    }
  } finally {
    closeAll([part]);
  }
}

/** The position after the last `mark` in a file; 0 if it is not found. */
async function findAfter({ fd, size }: Part, mark: Buffer): Promise<number> {
  if (mark.length === 0) return 0;
  const end = Math.max(0, size - LOOK_BACK_BYTES_MAX);
  for (let at = size; at > end; at -= CHUNK_BYTES) {
    const from = Math.max(end, at - CHUNK_BYTES);
    // With enough of what follows that a mark across the edge is found.
    const found = (await readAt(fd, from, at - from + mark.length)).lastIndexOf(mark);
    if (found >= 0) return from + found + mark.length;
  }
  return 0;
}
