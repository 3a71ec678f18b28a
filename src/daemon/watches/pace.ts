import type { FleetContext, FleetWatch } from '../fleet/context.ts';

/** A change of pace is reported if it exceeds this factor, and not sooner than this after the last report. */
const FACTOR = 1.5;
const PAUSE_MS = 1_000;

/** Reports how many agents may be starting, if the rounds are adaptive. */
export class Pace implements FleetWatch {
  readonly #context: FleetContext;
  #reported: { limit: number; at: number } | null = null;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  beforeTurn(now: number): void {
    const { fleet, name, services } = this.#context;
    if (!fleet.adaptive) return;
    const { limit, reason } = fleet.adaptive.state;
    const reported = this.#reported;
    const isNews =
      reported !== null &&
      now - reported.at >= PAUSE_MS &&
      (limit >= reported.limit * FACTOR || limit * FACTOR <= reported.limit);
    if (isNews) services.journal.note('pace', name, `${limit} agents may be starting: ${reason}`);
    if (isNews || reported === null) this.#reported = { limit, at: now };
  }
}
