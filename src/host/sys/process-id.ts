import type { ProcessId } from '../../fleet/agent.ts';

/** Clock ticks per second in /proc (USER_HZ): 100 on every architecture that Linux still supports for it. */
export const TICKS_PER_SECOND = 100;
const MS_PER_TICK = 1000 / TICKS_PER_SECOND;

/** A process that others started, and the slot to adopt it into. */
export interface ForeignAdoption {
  key: string;
  process: ProcessId;
}

/** Start ticks as milliseconds since boot. */
export function ticksToMs(ticks: number): number {
  return ticks * MS_PER_TICK;
}
