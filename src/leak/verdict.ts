/** What the readings of a fleet show, before it is judged. */
export interface Evidence {
  /** How certainly the floors of all agents rise together. */
  rise: LeakSignal;
  /** How certainly many agents rise by themselves: their share, compared with the usual one. */
  risers: LeakSignal;
  /** How certainly more agents than usual have become high: some of them leak, but it is not known yet which. */
  late: LeakSignal;
  /** The number of agents that grow by themselves, unlike the rest of the fleet. */
  growers: number;
  /** Growth of the whole fleet in bytes per hour, with its 95 % interval; null if unknown. */
  growth: Growth | null;
  /** Whether growth of the whole fleet may still be the rhythm of its first day. */
  firstDay: boolean;
}

/** A value and the limit above which it is significant. */
export interface LeakSignal {
  value: number;
  limit: number;
}

export interface Growth {
  bytesPerHour: number;
  low: number;
  high: number;
}

export type LeakVerdict = 'none' | 'suspect' | 'leak';
/** A change of the verdict; `confirmed` when an alarm follows a suspicion. */
export type VerdictChange = 'began' | 'confirmed' | 'ended' | null;

/** The share of its limit below which a signal has ended. */
const END_SHARE = 0.5;
/** The number of ticks without any signal after which a verdict ends. */
const CALM_TICKS = 12;

/** The verdict over time: it begins at the limits, and ends some time after all signals are well below them. */
export class Judge {
  #verdict: LeakVerdict;
  #calm = 0;

  /** @param verdict the verdict that an earlier supervisor reported last */
  constructor(verdict: LeakVerdict = 'none') {
    this.#verdict = verdict;
  }

  get verdict(): LeakVerdict {
    return this.#verdict;
  }

  /**
   * Judges the evidence of a pass. Significant growth is a suspicion. It is a leak if the fleet's growth is certainly above
   * the limit, and not the rhythm of a first day. A leak remains one until it ends.
   *
   * @param limit in bytes per hour; null if no alarm is configured
   */
  decide(evidence: Evidence, limit: number | null): VerdictChange {
    const { rise, risers, late, growers, growth, firstDay } = evidence;
    const signals = [rise, risers, late];
    const isSignificant = growers > 0 || signals.some((signal) => signal.value > signal.limit);
    const isCalm = growers === 0 && signals.every((signal) => signal.value < signal.limit * END_SHARE);
    this.#calm = isCalm ? this.#calm + 1 : 0;
    const before = this.#verdict;
    if (before !== 'none' && this.#calm >= CALM_TICKS) {
      this.#verdict = 'none';
      return 'ended';
    }
    if (before === 'none' && !isSignificant) return null;
    const isCertain = growers > 0 || risers.value > risers.limit || (rise.value > rise.limit && !firstDay);
    const isAlarm = limit !== null && growth !== null && growth.low > limit && isCertain;
    this.#verdict = isAlarm || before === 'leak' ? 'leak' : 'suspect';
    if (this.#verdict === before) return null;
    return before === 'none' ? 'began' : 'confirmed';
  }
}

/**
 * The limit of a signal that swings: a rhythm falls as far as it rises, so the limit follows the falls of the last days.
 */
export class Swing {
  readonly #least: number;
  #down = 0;

  /** @param least the limit if nothing swings */
  constructor(least: number) {
    this.#least = least;
  }

  /** Takes how far the signal fell in this tick, 0 or more. */
  add(down: number): void {
    this.#down = Math.max(down, this.#down * FADE);
  }

  get limit(): number {
    // Chance alone falls nearly as far as the limit is high.
    return this.#down > this.#least ? this.#down * MARGIN : this.#least;
  }
}

/** The decay per tick: half of a swing is forgotten after 5 days of readings every 5 minutes. */
const FADE = 0.5 ** (1 / 1_440);
const MARGIN = 1.25;
