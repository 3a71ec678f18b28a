import { closeSync, constants, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { readAt } from '../sys/bounded.ts';
import {
  CHUNK_BYTES,
  type Cuts,
  cut,
  emptyFile,
  hasHoles,
  nextData,
  olderPart,
  openPart,
  type Part,
  shiftParts,
} from './log-parts.ts';

/** The bounds of a log: each of its parts has at most half of `maxBytes`. */
export interface LogBounds {
  maxBytes: number;
  /** How many older parts there may be. */
  keep: number;
}

const MODE = 0o640;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
const ADDED =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Bounds a log: beyond half of `maxBytes`, its newest half becomes the newest older part and the file restarts empty.
 * Agents write in append mode, so they continue at its new start. It is copied next to the loop, except for what was
 * written meanwhile; of that, more than one piece is lost, and so is what is written between the last copy and the cut.
 * @param cuts is changed in the turn of the cut
 */
export async function boundLog(path: string, { maxBytes, keep }: LogBounds, cuts: Cuts): Promise<void> {
  const half = Math.floor(maxBytes / 2);
  const part = openPart(path);
  if (!part) return;
  const copy = `${path}.new`;
  let isKept = false;
  try {
    if (part.size <= half) return;
    try {
      await writeTail(copy, part, part.size - half, Math.min(CHUNK_BYTES, half));
      // In one turn with the cut, so that readers of all parts find in one what has left the other.
      shiftParts(path, keep);
      renameSync(copy, olderPart(path, 1));
      isKept = true;
    } finally {
      const { size } = fstatSync(part.fd);
      emptyFile(part.fd);
      cut(cuts, size, isKept);
    }
  } finally {
    rmSync(copy, { force: true });
    closeSync(part.fd);
  }
}

/**
 * Moves all that a log holds to its newest older part, for an agent that empties or overwrites its log: at most what it
 * wrote since the last such move is lost. The older part then has between a quarter and half of `maxBytes`.
 * @param cuts is changed in the turn of the cut
 */
export async function saveLog(path: string, { maxBytes }: LogBounds, cuts: Cuts): Promise<void> {
  const half = Math.floor(maxBytes / 2);
  const part = openPart(path);
  if (!part) return;
  try {
    if (part.size === 0) return;
    cut(cuts, await moveInto(olderPart(path, 1), part, half), true);
  } finally {
    closeSync(part.fd);
  }
  await shorten(olderPart(path, 1), half, Math.ceil(half / 2));
}

/**
 * Moves what a file holds to the end of another one, and empties it.
 * @param from is open; what was written since then is moved as well, up to one piece
 * @returns the bytes that have left the file; at most the last `bytesMax` of them are kept
 */
export async function moveInto(target: string, from: Part, bytesMax: number): Promise<number> {
  const to = openSync(target, ADDED, MODE);
  try {
    await copyTail(to, from, Math.max(0, from.size - bytesMax), CHUNK_BYTES);
    const { size } = fstatSync(from.fd);
    emptyFile(from.fd);
    return size;
  } finally {
    closeSync(to);
  }
}

/** Writes a file that holds the content of another one from a position on. */
export async function writeTail(path: string, from: Part, position: number, restMax: number): Promise<void> {
  const to = openSync(path, NEW, MODE);
  try {
    await copyTail(to, from, position, restMax);
  } finally {
    closeSync(to);
  }
}

/** Copies without holes. @param restMax the maximum of what is copied of the bytes that were added since the part was opened: the last ones */
async function copyTail(to: number, { fd, size }: Part, position: number, restMax: number): Promise<void> {
  const isSparse = hasHoles(fd);
  for (let at = position; at < size; ) {
    if (isSparse) at = nextData(fd, at, size);
    const chunk = await readAt(fd, at, Math.min(CHUNK_BYTES, size - at));
    if (chunk.length === 0) break;
    at += chunk.length;
    writeSync(to, chunk);
  }
  const added = fstatSync(fd).size - size;
  if (added <= 0) return;
  const rest = Buffer.alloc(Math.min(added, restMax));
  writeSync(to, rest, 0, readSync(fd, rest, 0, rest.length, size + added - rest.length));
}

/** Leaves the last `bytes` of a file that has more than `bytesMax`. */
async function shorten(path: string, bytesMax: number, bytes: number): Promise<void> {
  const part = openPart(path);
  if (!part) return;
  try {
    if (part.size <= bytesMax) return;
    await writeTail(`${path}.new`, part, part.size - bytes, 0);
    renameSync(`${path}.new`, path);
  } finally {
    closeSync(part.fd);
  }
}

/**
 * Sets a log aside, as an older part, so that a new one takes its place.
 * @param cuts is changed with it
 */
export function setLogAside(path: string, size: number, keep: number, cuts: Cuts): void {
  shiftParts(path, keep);
  renameSync(path, olderPart(path, 1));
  cut(cuts, size, true);
}
