/** What the samples of a fleet say, before anything is made of it. */
export interface Evidence {
  /** How surely the floors of the agents rise in common. */
  rise: LeakSignal;
  /** How surely many agents rise each by itself: their share against what is usual. */
  risers: LeakSignal;
  /** How surely more agents than usual stand high lately: some leak that cannot be told apart yet. */
  late: LeakSignal;
  /** How many agents grow by themselves, apart from the rest of the fleet. */
  growers: number;
  /** Growth of the whole fleet in bytes an hour, with its 95 % interval; null where it cannot be told. */
  growth: Growth | null;
  /** Whether growth of the whole fleet could still be the rhythm of its first day. */
  firstDay: boolean;
}

/** A figure and the limit above which it is no chance. */
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
/** What happens to the verdict: an alarm that is raised later than the suspicion is told as well. */
export type VerdictChange = 'began' | 'confirmed' | 'ended' | null;

/** Below this part of its limit a signal has ended. */
const END_SHARE = 0.5;
/** A verdict ends when nothing has spoken for it for so many ticks. */
const CALM_TICKS = 12;

/** The verdict over time: it begins at the limits, and ends well below them, after a while. */
export class Judge {
  #verdict: LeakVerdict;
  #calm = 0;

  /** @param verdict what was last said, by a supervisor before this one */
  constructor(verdict: LeakVerdict = 'none') {
    this.#verdict = verdict;
  }

  get verdict(): LeakVerdict {
    return this.#verdict;
  }

  /**
   * Takes what a pass says. Growth that is no chance is a suspicion; it is a leak when the fleet's growth is above the
   * limit for sure, and no rhythm of a first day. Once a leak, it is one until it ends.
   *
   * @param limit in bytes an hour; null where nothing alarms
   */
  decide(evidence: Evidence, limit: number | null): VerdictChange {
    const { rise, risers, late, growers, growth, firstDay } = evidence;
    const signals = [rise, risers, late];
    const speaks = growers > 0 || signals.some((signal) => signal.value > signal.limit);
    const calm = growers === 0 && signals.every((signal) => signal.value < signal.limit * END_SHARE);
    this.#calm = calm ? this.#calm + 1 : 0;
    const before = this.#verdict;
    if (before !== 'none' && this.#calm >= CALM_TICKS) {
      this.#verdict = 'none';
      return 'ended';
    }
    if (before === 'none' && !speaks) return null;
    const told = growers > 0 || risers.value > risers.limit || (rise.value > rise.limit && !firstDay);
    const alarm = limit !== null && growth !== null && growth.low > limit && told;
    this.#verdict = alarm || before === 'leak' ? 'leak' : 'suspect';
    if (this.#verdict === before) return null;
    return before === 'none' ? 'began' : 'confirmed';
  }
}

/**
 * The limit of a signal that swings: a rhythm goes down as far as it comes up, so what has gone down counts against what
 * comes up, for some days.
 */
export class Swing {
  readonly #least: number;
  #down = 0;

  /** @param least the limit where nothing swings */
  constructor(least: number) {
    this.#least = least;
  }

  /** Takes how far the signal went down this tick, 0 or more. */
  add(down: number): void {
    this.#down = Math.max(down, this.#down * FADE);
  }

  get limit(): number {
    // Chance alone goes nearly as far down as the limit is up.
    return this.#down > this.#least ? this.#down * MARGIN : this.#least;
  }
}

/** A swing is forgotten by half in 5 days of samples every 5 minutes. */
const FADE = 0.5 ** (1 / 1_440);
const MARGIN = 1.25;
