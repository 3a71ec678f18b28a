import { SystemCallError } from '../sys/libc.ts';
import { TICKS_PER_SECOND } from '../sys/process-id.ts';
import { STEPS } from './system-calls.ts';

/** The head of an order, as the launcher sends it back (x64.S): launch, length, result, failed step, two times. */
const AT = { launch: 0, result: 16, step: 24, before: 32, after: 48 } as const;

/** What came of an order. */
export interface Answer {
  launch: number;
  /** The child's pid, or why there is none. */
  outcome: number | SystemCallError;
  /** The time since boot in ticks at which the child was forked; null if it is not known exactly. */
  ticks: number | null;
}

/** Reads an answer of the launcher at an offset. */
export function readAnswer(buffer: Buffer, at: number): Answer {
  const result = buffer.readInt32LE(at + AT.result);
  const before = ticksAt(buffer, at + AT.before);
  return {
    launch: Number(buffer.readBigUInt64LE(at + AT.launch)),
    outcome: result < 0 ? failureIn(buffer, at) : result,
    ticks: before === ticksAt(buffer, at + AT.after) ? before : null,
  };
}

/** The failure in an answer or a report: the step, and the errno that its call returned. */
export function failureIn(buffer: Buffer, at: number): SystemCallError {
  const step = STEPS[buffer.readUInt32LE(at + AT.step)] ?? 'launch';
  return new SystemCallError(step, -buffer.readInt32LE(at + AT.result));
}

/** The process in a report that is no failure: it is in its sandbox, and becomes the program. Null in any other. */
export function pidIn(buffer: Buffer, at: number): number | null {
  const result = buffer.readInt32LE(at + AT.result);
  return result > 0 ? result : null;
}

/** A struct timespec of CLOCK_BOOTTIME in ticks, as processes' start times are counted (kernel/fork.c). */
function ticksAt(buffer: Buffer, at: number): number {
  const seconds = Number(buffer.readBigInt64LE(at));
  return (
    seconds * TICKS_PER_SECOND + Math.floor(Number(buffer.readBigInt64LE(at + 8)) / (1e9 / TICKS_PER_SECOND))
  );
}
