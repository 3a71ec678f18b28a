import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { openRegular, readAt } from '../sys/bounded.ts';
import { lastError, libc } from '../sys/libc.ts';
import type { ReadProblem } from '../sys/read-problem.ts';

/** The size of the pieces in which logs are read and copied, however large they are or claim to be. */
export const CHUNK_BYTES = 64 * 1024;
/** The maximum that is searched for the last lines of a log. */
const LOOK_BACK_BYTES_MAX = 16 * 1024 * 1024;
const NEWLINE = 0x0a;
/** lseek(2): the next data at or after an offset, past holes. */
const SEEK_DATA = 3;
/** st_blocks counts units of 512 bytes (stat(3type)), whatever the file system's blocks are. */
const BLOCK_BYTES = 512;

/**
 * What was taken out of the file that an agent writes to. Positions in a log count from its first byte that this
 * supervisor knows of, so that a cut changes none of them.
 */
export interface Cuts {
  /** Bytes that have left the file: the position at which it begins. */
  moved: number;
  /** Of these, the bytes just before it that no older part has. */
  lost: number;
  /** The size of the file when it was last seen. */
  size: number;
  /** When it had last been written to then (st_mtime); null if that is unknown. */
  writtenMs: number | null;
  /** How often its agent has emptied or overwritten it, as far as that was seen. */
  emptied: number;
}

export const NO_CUTS: Readonly<Cuts> = { moved: 0, lost: 0, size: 0, writtenMs: null, emptied: 0 };

/**
 * Notes the size of a log's file, and when it was last written to. One that is shorter without a cut of ours, or was written
 * to and is no longer, was emptied or overwritten by its agent: what was in it is lost, and has had its positions.
 */
export function seen(cuts: Cuts, size: number, writtenMs: number | null): void {
  const isKnown = cuts.writtenMs !== null && writtenMs !== null && writtenMs !== cuts.writtenMs;
  if (size < cuts.size || (size === cuts.size && size > 0 && isKnown)) {
    cuts.moved += cuts.size;
    cuts.lost += cuts.size;
    cuts.emptied++;
  }
  cuts.size = size;
  cuts.writtenMs = writtenMs;
}

/** Notes that `size` bytes have left the file. @param areKept whether the newest older part ends with them */
export function cut(cuts: Cuts, size: number, areKept: boolean): void {
  cuts.moved += size;
  cuts.lost = areKept ? 0 : cuts.lost + size;
  cuts.size = 0;
  cuts.writtenMs = null;
}

/** What is at a log's path. */
export interface LogLook {
  /** The position at which it ends. */
  end: number;
  /** The bytes of its file. */
  size: number;
  /** How often its agent has emptied it, as far as that was seen. */
  emptied: number;
  /** Whether most of its file is a hole: it is written to without O_APPEND. */
  isSparse: boolean;
  /** `device:inode` */
  id: string;
}

/** The path of an older part of a log; 1 is the newest of them. */
export function olderPart(path: string, number: number): string {
  return `${path}.${number}`;
}

/** An open file of a log, with its size when it was opened. */
export interface Part {
  fd: number;
  size: number;
}

/** Opens a part of a log; null if there is none. Anything else in its place (a link, a FIFO) is not followed. */
export function openPart(path: string): Part | null {
  try {
    return openRegular(path, false);
  } catch (error) {
    if ((error as ReadProblem).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * The next data of a file at or after an offset, past holes. Who opens /dev/stdout without O_APPEND goes on at an offset of
 * its own after a cut, and what lies before it is a hole; anybody can make one of terabytes (ftruncate).
 */
export function nextData(fd: number, offset: number, end: number): number {
  const found = Number(libc.lseek(fd, offset, SEEK_DATA));
  if (found >= 0) return Math.min(found, end);
  // ENXIO: nothing but a hole follows. Where the file system knows no holes, all of it is data.
  return lastError() === 'ENXIO' ? end : offset;
}

/** Whether a file may have holes. */
export function hasHoles(fd: number): boolean {
  const { blocks, size } = fstatSync(fd);
  return blocks * BLOCK_BYTES < size;
}

/** Whether a file has a hole of some size, as one has that is written to without O_APPEND after a cut. */
export function isSparse({ size, blocks }: { size: number; blocks: number }): boolean {
  return size - blocks * BLOCK_BYTES > CHUNK_BYTES;
}

/** Content of one file, at a position of the log. */
interface Segment {
  fd: number;
  hasHoles: boolean;
  at: number;
  offset: number;
  length: number;
}

/** A log with its older parts, all opened in one turn, so that nothing moves from one to another in between. */
export class OpenLog {
  /** The positions between which there is content. */
  readonly from: number;
  readonly to: number;
  readonly #segments: readonly Segment[];

  /** @throws ReadProblem if something else is in its place */
  constructor(path: string, cuts: Cuts) {
    const segments: Segment[] = [];
    try {
      const live = openPart(path);
      if (live && live.size !== cuts.size) seen(cuts, live.size, null);
      const { moved, lost } = cuts;
      if (live) {
        const { fd, size } = live;
        segments.push({ fd, hasHoles: hasHoles(fd), at: moved, offset: 0, length: size });
        const start = segments[0]!.hasHoles ? nextData(fd, 0, size) : 0;
        Object.assign(segments[0]!, { at: moved + start, offset: start, length: size - start });
      }
      this.to = moved + (live?.size ?? 0);
      let at = moved - lost;
      for (let number = 1; ; number++) {
        const older = openPart(olderPart(path, number));
        if (!older) break;
        at -= older.size;
        segments.unshift({ fd: older.fd, hasHoles: false, at, offset: 0, length: older.size });
      }
      this.from = segments[0]?.at ?? this.to;
      this.#segments = segments;
    } catch (error) {
      for (const { fd } of segments) closeSync(fd);
      throw error;
    }
  }

  close(): void {
    for (const { fd } of this.#segments) closeSync(fd);
  }

  /** The content between two positions, piece by piece, without holes; less if it was cut meanwhile. */
  async *pieces(from: number, to: number): AsyncGenerator<Buffer> {
    for (const segment of this.#segments) {
      const end = Math.min(to, segment.at + segment.length);
      for (let at = Math.max(from, segment.at); at < end; ) {
        if (segment.hasHoles) at = skipHole(segment, at, end);
        const chunk = await readSegment(segment, at, end);
        if (chunk.length === 0) break;
        at += chunk.length;
        yield chunk;
      }
    }
  }

  /** The same at once; only for small numbers. */
  read(from: number, to: number): Buffer {
    const pieces = this.#segments.map(({ fd, at, offset, length }) => {
      const start = Math.max(from, at);
      const piece = Buffer.alloc(Math.max(0, Math.min(to, at + length) - start));
      return piece.subarray(0, readSync(fd, piece, 0, piece.length, offset + start - at));
    });
    return Buffer.concat(pieces);
  }

  /**
   * Where the last `count` lines before a position begin. At most 16 MiB are searched.
   * @returns the position, and whether fewer lines are there because the search ended
   */
  async lastLines(count: number, to = this.to): Promise<{ at: number; isCutShort: boolean }> {
    if (count === 0) return { at: to, isCutShort: false };
    const end = to - LOOK_BACK_BYTES_MAX;
    let lines = 0;
    for (const segment of this.#segments.toReversed()) {
      for (let at = Math.min(to, segment.at + segment.length); at > segment.at; ) {
        if (at <= end) return { at: end, isCutShort: true };
        const from = Math.max(segment.at, end, at - CHUNK_BYTES);
        const chunk = await readSegment(segment, from, at);
        for (
          let i = chunk.lastIndexOf(NEWLINE);
          i >= 0;
          i = i === 0 ? -1 : chunk.lastIndexOf(NEWLINE, i - 1)
        ) {
          // The newline that ends the last line starts none.
          if (from + i + 1 < to && ++lines === count) return { at: from + i + 1, isCutShort: false };
        }
        at = from;
      }
    }
    return { at: Math.max(this.from, end), isCutShort: false };
  }
}

function skipHole({ fd, at, offset }: Segment, from: number, to: number): number {
  const shift = offset - at;
  return nextData(fd, from + shift, to + shift) - shift;
}

/** @param to the end of what is wanted, which may be far @returns one piece of it */
function readSegment({ fd, at, offset }: Segment, from: number, to: number): Promise<Buffer> {
  return readAt(fd, offset + from - at, Math.min(CHUNK_BYTES, to - from));
}

/** Makes room for a new older part: each moves by one, and those beyond `keep` are removed. */
export function shiftParts(path: string, keep: number): void {
  for (let number = keep; lstatSync(olderPart(path, number), { throwIfNoEntry: false }); number++)
    rmSync(olderPart(path, number));
  for (let number = keep - 1; number > 0; number--) {
    if (lstatSync(olderPart(path, number), { throwIfNoEntry: false }))
      renameSync(olderPart(path, number), olderPart(path, number + 1));
  }
}

/**
 * Empties the file behind a descriptor. Opened without waiting: its owner, the agent's user, may hold a lease on it
 * (F_SETLEASE in fcntl(2)), for which any other open waits up to 45 s.
 */
export function emptyFile(fd: number): void {
  const writable = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    ftruncateSync(writable);
  } finally {
    closeSync(writable);
  }
}
