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
