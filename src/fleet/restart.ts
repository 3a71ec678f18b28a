import { signalNumber } from '../specification/signals.ts';
import type { Spec } from '../specification/spec.ts';
import { formatDuration } from '../specification/units.ts';
import type { BootMs } from './agent.ts';
import type { ExitStatus } from './exit.ts';
import { unitHash } from './unit-hash.ts';

type Policy = Spec['restart'];

/** How an agent ended, and what its slot has been through. */
export interface End {
  exit: ExitStatus;
  /** When it became ready; null if it never was. */
  readyAt: BootMs | null;
  now: BootMs;
  /** Consecutive failed starts, this one included; 0 after a healthy time. */
  failures: number;
  /** When the slot was restarted after failures, oldest first. */
  attempts: readonly BootMs[];
  /** Spreads the delays of slots that fail together (any integer). */
  seed: number;
}

/** What follows an exit that nobody asked for. */
export type RestartDecision =
  | { next: 'restart'; delayMs: number; attempts: readonly BootMs[] }
  | { next: 'failed'; why: string }
  | { next: 'completed' };

/** Whether an agent ended with success: it had been ready, and its exit code is one of `restart.success`. */
export function isSuccess({ success }: Policy, exit: ExitStatus, readyAt: BootMs | null): boolean {
  const code = shellCode(exit);
  return readyAt !== null && code !== null && success.includes(code);
}

/** The added number of a shell for a signal. */
const SIGNALLED = 128;

/**
 * The exit code by which a shell knows an end: a signal n is 128 + n, whether it has ended the agent or a wrapper of it
 * (bubblewrap, sh) tells so. Null if it is unknown.
 */
function shellCode({ code, signal }: ExitStatus): number | null {
  const number = signal === null ? null : signalNumber(signal);
  return code ?? (number === null ? null : SIGNALLED + number);
}

/**
 * Whether an agent that ended was a failed start: never ready, or not for long (`restart.settle`). This bounds how fast an
 * agent that is ready at first and then dies may be restarted: backoff and storm breaker apply.
 */
export function isFailedStart(
  policy: Policy,
  { exit, readyAt, now }: Pick<End, 'exit' | 'readyAt' | 'now'>,
): boolean {
  if (readyAt === null) return true;
  return now - readyAt < policy.settleMs && !isSuccess(policy, exit, readyAt);
}

/** Decides what follows an exit that nobody asked for. */
export function judgeExit(policy: Policy, end: End): RestartDecision {
  const { exit, readyAt, now, failures, seed } = end;
  if (isSuccess(policy, exit, readyAt)) {
    return policy.on === 'always'
      ? { next: 'restart', delayMs: policy.backoff.minMs, attempts: end.attempts }
      : { next: 'completed' };
  }
  if (policy.on === 'never') return { next: 'failed', why: 'restart.on is never' };
  const code = shellCode(exit);
  if (code !== null && policy.never.includes(code))
    return { next: 'failed', why: `restart.never names exit code ${code}` };
  const attempts = recentAttempts(policy, end.attempts, now);
  if (policy.attempts && attempts.length >= policy.attempts.count) {
    const { count, withinMs } = policy.attempts;
    return {
      next: 'failed',
      why: `restarted ${count} times within ${formatDuration(withinMs)} (restart.attempts)`,
    };
  }
  const delayMs = backoffMs(policy.backoff, failures, seed);
  return { next: 'restart', delayMs, attempts: policy.attempts ? [...attempts, now] : [] };
}

/** The restarts that `restart.attempts` counts now. */
function recentAttempts(policy: Policy, attempts: readonly BootMs[], now: BootMs): readonly BootMs[] {
  if (!policy.attempts) return [];
  const { withinMs } = policy.attempts;
  return attempts.filter((at) => now - at < withinMs);
}

/**
 * Exponential backoff: no delay after a healthy time, then min, 2 × min, 4 × min … up to max, each shortened by up to
 * half so that agents that failed together do not return together ("equal jitter").
 */
export function backoffMs(backoff: Policy['backoff'], failures: number, seed: number): number {
  if (failures === 0) return 0;
  const fullMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** (failures - 1));
  return Math.round(fullMs * (0.5 + 0.5 * unitHash(seed * 31 + failures)));
}
