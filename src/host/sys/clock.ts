import { libc } from './libc.ts';
import { TICKS_PER_SECOND } from './process-id.ts';

const CLOCK_BOOTTIME = 7;
const time = new BigInt64Array(2);

/** The time since boot in ticks, by the clock of processes' start times (kernel/fork.c). */
export function currentTicks(): number {
  libc.clockGettime(CLOCK_BOOTTIME, time);
  return Number(time[0]) * TICKS_PER_SECOND + Math.floor(Number(time[1]) / (1e9 / TICKS_PER_SECOND));
}

/** Milliseconds since boot, suspended time included. */
export function bootMs(): number {
  libc.clockGettime(CLOCK_BOOTTIME, time);
  return Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1e6);
}
