import { lstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cuts, OpenLog, seen } from './log-parts.ts';

const FOLLOW_POLL_MS = 200;
/** A follower that is further behind skips everything but the end. */
const BEHIND_BYTES_MAX = 64 * 1024 * 1024;
const BEHIND_BYTES_KEPT = 1024 * 1024;

/** The line that stands for what is not shown. */
export function leftOut(bytes: number): Buffer {
  return Buffer.from(`[fleetd: ${bytes} bytes omitted here]\n`);
}

/** The position at which a log ends; null if there is nothing at its path. */
export function endOf(path: string, cuts: Cuts): number | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return null;
  seen(cuts, found.size, found.mtimeMs);
  return cuts.moved + found.size;
}

/** Where a follower of a log continues: where it was, unless too much was added. @param end where the log ends now */
export function continueAt(position: number, end: number): { from: number; omitted: number } {
  if (end - position <= BEHIND_BYTES_MAX) return { from: position, omitted: 0 };
  return { from: end - BEHIND_BYTES_KEPT, omitted: end - BEHIND_BYTES_KEPT - position };
}

/**
 * A log's content between two positions, with a note of what is no longer there.
 * @throws ReadProblem if its path no longer holds a log
 */
export async function* readRange(path: string, from: number, to: number, cuts: Cuts): AsyncGenerator<Buffer> {
  const log = new OpenLog(path, cuts);
  try {
    if (from < log.from) yield leftOut(Math.min(to, log.from) - from);
    yield* log.pieces(from, to);
  } finally {
    log.close();
  }
}

/**
 * Where the last `count` lines of a log begin and end. @throws ReadProblem if its path holds something else
 */
export async function findLastLines(
  path: string,
  count: number,
  cuts: Cuts,
): Promise<{ from: number; to: number; omitted: number }> {
  const log = new OpenLog(path, cuts);
  try {
    const { at, isCutShort } = await log.lastLines(count);
    return { from: at, to: log.to, omitted: isCutShort ? at - log.from : 0 };
  } finally {
    log.close();
  }
}

/**
 * The last lines of a log and then, if requested, its additions, until `signal` aborts. Memory does not grow with the log:
 * a reader that is far behind gets a note of the omitted bytes.
 * @throws ReadProblem if its path no longer holds a log
 */
export async function* readLog(
  path: string,
  lines: number,
  follow: boolean,
  signal: AbortSignal,
  cuts: Cuts,
): AsyncGenerator<Buffer> {
  // Kept open meanwhile, so that a cut takes nothing away.
  const log = new OpenLog(path, cuts);
  let position = log.to;
  try {
    const { at, isCutShort } = await log.lastLines(lines);
    if (isCutShort) yield leftOut(at - log.from);
    yield* log.pieces(at, log.to);
  } finally {
    log.close();
  }
  while (follow && !signal.aborted) {
    const end = endOf(path, cuts);
    if (end !== null && end > position) {
      const { from, omitted } = continueAt(position, end);
      if (omitted > 0) yield leftOut(omitted);
      yield* readRange(path, from, end, cuts);
      position = end;
    } else await sleep(FOLLOW_POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/**
 * The last bytes of a log between two positions, as text; only for small numbers.
 * @param to null: its end
 * @throws ReadProblem if its path does not hold a log
 */
export function readEnd(
  path: string,
  { from, to, bytes }: { from: number; to: number | null; bytes: number },
  cuts: Cuts,
): string {
  const log = new OpenLog(path, cuts);
  try {
    const end = Math.min(to ?? log.to, log.to);
    return log.read(Math.max(from, end - bytes), end).toString('utf8');
  } finally {
    log.close();
  }
}
