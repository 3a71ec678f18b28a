import type { BootMs } from './agent.ts';

/** The host's memory, as relevant to starts. */
export interface HostMemory {
  totalBytes: number;
  /** Memory available without swapping. */
  availableBytes: number;
  /** Share of the last 10 s in which some task waited for memory, in percent (PSI some avg10); null without PSI. */
  pressurePercent: number | null;
}

/** Why nothing starts: memory is short. */
export interface Pressure {
  reason: string;
  since: BootMs;
}

/** It ends when this multiple of the limit is available, so that the next start does not cause it again. */
const RELEASE_FACTOR = 1.1;
/**
 * If tasks wait for memory a quarter of the time, the host is short of it, whatever counts as available; it ends well
 * below that (kernel documentation, accounting/psi).
 */
const STALL_PERCENT = { begin: 25, end: 10 } as const;

/**
 * Judges whether memory is too short to start anything, with hysteresis.
 * @param before the current judgement
 * @param availablePercent the share of the total that must be available
 */
export function judgePressure(
  before: Pressure | null,
  memory: HostMemory,
  availablePercent: number,
  now: BootMs,
): Pressure | null {
  const percent = (100 * memory.availableBytes) / memory.totalBytes;
  const limit = before ? Math.min(100, availablePercent * RELEASE_FACTOR) : availablePercent;
  const stall = memory.pressurePercent ?? 0;
  const stallLimit = before ? STALL_PERCENT.end : STALL_PERCENT.begin;
  if (percent >= limit && stall < stallLimit) return null;
  const reason =
    percent < limit
      ? `${percent.toFixed(1)} % of memory is available, but pressure.available is ${availablePercent} %`
      : `tasks waited for memory during ${stall.toFixed(0)} % of the last 10 s`;
  return { reason, since: before?.since ?? now };
}
