import type { FleetEvent } from '../../src/api/events.ts';
import type { Arena } from './arena.ts';

/** What a fault has done, and what is to follow from it. */
export interface Wound {
  /** Slots whose agents may be replaced because of it. All others must keep their process. */
  slots: readonly number[];
  /** Ends what lasts: gives back a port, frees the disk. Absent where the harm is done in a moment. */
  heal?: () => void | Promise<void>;
  /** It is told a moment later, by the very supervisor that it was done to: one that is killed before tells nothing. */
  isToldLater?: true;
  /** Whether the events since the fault tell of it. */
  isTold: (events: readonly FleetEvent[]) => boolean;
}

/** One way to hurt a fleet. */
export interface Fault {
  /** As the table names it. */
  name: string;
  /** Why it cannot be done on this host; null where it can. Absent: it always can. */
  obstacle?: (arena: Arena) => string | null;
  /** Whether it may come now. False where, with what else goes wrong, the only copy of something would be lost. */
  mayCome?: (arena: Arena) => boolean;
  /** Does the harm, without waiting for what the supervisor makes of it. */
  inject: (arena: Arena) => Promise<Wound>;
}
