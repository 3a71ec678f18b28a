/** Clock ticks a second in /proc (USER_HZ): 100 on every architecture that Linux still supports for it. */
export const TICKS_PER_SECOND = 100;
const MS_PER_TICK = 1000 / TICKS_PER_SECOND;

/** A process for certain, until the next boot. */
export interface ProcessId {
  pid: number;
  /** Start time in clock ticks since boot (/proc/PID/stat). */
  startTicks: number;
}

/** A process found in a slot. */
export interface FoundProcess extends ProcessId {
  /**
   * It leads a session, as an agent does from its start (what it forked does so only by its own doing), and was not
   * started beside one (prepare, a check).
   */
  leads: boolean;
}

/** A process that somebody else started, and the slot it is to be in. */
export interface ForeignAdoption {
  key: string;
  process: ProcessId;
}

/** Start ticks as milliseconds since boot. */
export function ticksToMs(ticks: number): number {
  return ticks * MS_PER_TICK;
}
