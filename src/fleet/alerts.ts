/** What `alerts` tells an operator about: it begins, and it ends. */
export const CONDITIONS = ['held', 'leak', 'degraded', 'rolled back', 'pressure'] as const;

export type Condition = (typeof CONDITIONS)[number];

/** One message about a condition; the receiver gets it with the name of the fleet. */
export interface Notice {
  condition: Condition;
  state: 'begin' | 'end';
  reason: string;
  /** The last output of an agent that explains it; null if none does. */
  sample: string | null;
  /** When the condition began or ended, ISO 8601. A notice that is sent again is the same to the letter. */
  at: string;
}

/** What survives of a fleet's alerts. It outlives a reboot, because a condition may have ended meanwhile. */
export interface AlertsRecord {
  /** The conditions whose begin was sent or is in `unsent`, and whose end is neither. */
  open: Condition[];
  /** Notices that the receiver has not confirmed, oldest first. */
  unsent: Notice[];
}
