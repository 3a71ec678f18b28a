import type { Spec } from '../specification/spec.ts';
import { formatSize } from '../specification/units.ts';
import type { BootMs } from './agent.ts';

/**
 * An agent that ends within this time after it became ready counts as a failed start. It bounds how fast an agent that is
 * ready at first and then dies may be restarted: sooner than this, backoff and storm breaker apply.
 */
export const SETTLE_MS = 10_000;

/** How a process ended, as far as that is known. */
export interface ExitStatus {
  code: number | null;
  signal: string | null;
}

/** Why the kernel killed an agent: it exceeded its own memory limit, or the host (or a parent cgroup) was short of memory. */
export type ExitCause = 'oom-limit' | 'oom-host';

/** How an agent ended; with the cause, if more than the signal is known. */
export interface AgentExit extends ExitStatus {
  cause?: ExitCause;
}

export type RestartDecision = { restart: true; delayMs: number } | { restart: false; why: string };

/**
 * Describes an exit: `exited 1`, `killed by SIGKILL: out of memory (memory.limit 64M)`, `exit status unknown`.
 * @param memoryLimitBytes the agent's memory limit
 */
export function describeExit(exit: AgentExit, memoryLimitBytes: number | null = null): string {
  if (exit.signal !== null) return `killed by ${exit.signal}${describeCause(exit.cause, memoryLimitBytes)}`;
  if (exit.code !== null) return `exited ${exit.code}`;
  return 'exit status unknown';
}

function describeCause(cause: ExitCause | undefined, limitBytes: number | null): string {
  if (cause === undefined) return '';
  if (cause === 'oom-host') return ': out of memory on the host';
  return `: out of memory (memory.limit${limitBytes === null ? '' : ` ${formatSize(limitBytes)}`})`;
}

/** Whether an agent that ended was a failed start: never ready, or not for long. */
export function isFailedStart(readyAt: BootMs | null, now: BootMs): boolean {
  return readyAt === null || now - readyAt < SETTLE_MS;
}

/**
 * Decides what follows an unexpected exit.
 * @param failures consecutive failed starts, this one included; 0 after a healthy time
 * @param seed spreads the delays of slots that fail together (any integer)
 */
export function judgeExit(
  policy: Spec['restart'],
  exit: ExitStatus,
  failures: number,
  seed: number,
): RestartDecision {
  if (policy.on === 'never') return { restart: false, why: 'restart.on is never' };
  if (policy.on === 'on-failure' && exit.code === 0) {
    return { restart: false, why: 'restart.on is on-failure, and it exited 0' };
  }
  return { restart: true, delayMs: backoffMs(policy.backoff, failures, seed) };
}

/**
 * Exponential backoff: no delay after a healthy time, then min, 2 × min, 4 × min … up to max, each shortened by up to
 * half so that agents that failed together do not return together ("equal jitter").
 */
export function backoffMs(backoff: Spec['restart']['backoff'], failures: number, seed: number): number {
  if (failures === 0) return 0;
  const fullMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** (failures - 1));
  return Math.round(fullMs * (0.5 + 0.5 * unitHash(seed * 31 + failures)));
}

/** A number in [0, 1) that looks random but is always the same for the same integer (the finaliser of MurmurHash3). */
export function unitHash(integer: number): number {
  let h = integer | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
