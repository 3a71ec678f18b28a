import type { Managed } from '../fleet/managed.ts';
import type { Journal } from '../journal.ts';

/** A change of pace is worth an event when it is so large, and not sooner after the last. */
const FACTOR = 1.5;
const PAUSE_MS = 1_000;

/** Tells how many agents may be starting where that follows how they get ready. */
export class Pace {
  readonly #journal: Journal;
  readonly #told = new WeakMap<Managed, { limit: number; at: number }>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Tells of a fleet's pace, if it has changed much. @param now milliseconds since boot */
  tell(managed: Managed, now: number): void {
    const { adaptive } = managed.fleet;
    if (!adaptive) return;
    const { limit, reason } = adaptive.state;
    const told = this.#told.get(managed);
    const isNews =
      told !== undefined &&
      now - told.at >= PAUSE_MS &&
      (limit >= told.limit * FACTOR || limit * FACTOR <= told.limit);
    if (isNews) this.#journal.note('pace', managed.name, `${limit} agents may be starting: ${reason}`);
    if (isNews || told === undefined) this.#told.set(managed, { limit, at: now });
  }
}
