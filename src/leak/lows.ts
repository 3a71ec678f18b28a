/** How many low samples an agent keeps: with the tick of each, 6 bytes apiece. */
export const LOWS = 12;
/** A new low is compared with no fewer than so many older ones. */
const COMPARED_MIN = 4;
/** So many ticks a low is remembered: 36 hours of samples every 5 minutes. */
export const MEMORY_TICKS = 432;
/** Lows within so much of the lowest are all kept, the newest of them: an agent without any noise has them on one line. */
const BAND_KIB = 64;
/** Of a run's first floors only the lowest of so many ticks are compared: the rest may be lifted by connections. */
const LOW_SHARE = 0.05;
/** An agent whose oldest low is older than this has a long memory. */
const LONG_TICKS = 0.6 * MEMORY_TICKS;
/** No limit yet: every floor is a low until there are more than are kept. */
const NO_LIMIT = 0xffff_ffff;
/** Ticks are kept in 16 bits. */
const TICK_MASK = 0xffff;

/** What a floor says when it is compared with the agent's earlier ones. */
export interface Score {
  /** Expected 0 where the agent does not grow, at most 1; the more it has risen, the higher. */
  value: number;
  /** The variance of the value where the agent does not grow. */
  variance: number;
}

/** The score among values that are all alike: exactly nothing, where a sum of fractions is only nearly so. */
const NOTHING: Score = { value: 0, variance: 0 };

/**
 * The lowest floors of each agent within `MEMORY_TICKS`, and where a new one stands among them.
 *
 * A floor is a sample that is not above its neighbours: what remains after a collection of garbage. Only floors below
 * the agent's own limit count, which is the highest of those kept, so anything that lifts an agent for a while (a
 * connection, a burst, a cache) drops out by itself and says nothing, high or low. Among those that remain, a new one of
 * an agent that does not grow has every rank with the same probability, independently of all ranks before, whatever the
 * distribution (sequential ranks: Rényi 1962; Reynolds 1975; McDonald 1990, Naval Research Logistics 37). So its score
 * has a known mean and variance, and scores of thousands of agents can be added up. Once the memory is full and old lows
 * go, sums over longer than it vary less than that (measured: 0.5 of it after 1,000 ticks): the error is on the safe side.
 */
export class Lows {
  readonly #kib: Uint32Array;
  readonly #tick: Uint16Array;
  readonly #count: Uint8Array;
  readonly #limitKib: Uint32Array;
  /** The tick of the first floor. */
  readonly #since: Uint32Array;

  /** @param slots how many agents there is room for */
  constructor(slots: number) {
    this.#kib = new Uint32Array(slots * LOWS);
    this.#tick = new Uint16Array(slots * LOWS);
    this.#count = new Uint8Array(slots);
    this.#limitKib = new Uint32Array(slots).fill(NO_LIMIT);
    this.#since = new Uint32Array(slots);
  }

  /** Takes over what another one knows; that one must not be larger. */
  copyFrom(smaller: Lows): void {
    this.#kib.set(smaller.#kib);
    this.#tick.set(smaller.#tick);
    this.#count.set(smaller.#count);
    this.#limitKib.set(smaller.#limitKib);
    this.#since.set(smaller.#since);
  }

  /** A new run is in the slot: nothing is known of it. */
  clear(slot: number): void {
    this.#count[slot] = 0;
    this.#limitKib[slot] = NO_LIMIT;
  }

  /** Whether a floor is low enough to be worth an `add`. */
  counts(slot: number, floorKib: number): boolean {
    return floorKib <= this.#limitKib[slot]!;
  }

  /** Adds a floor that counts. Gives what it says; null where there are too few others to compare it with. */
  add(slot: number, floorKib: number, tick: number): Score | null {
    this.#expire(slot, tick);
    const count = this.#count[slot]!;
    if (count === 0) this.#since[slot] = tick;
    const { compared, limitKib } = this.#compared(slot, tick);
    const score =
      compared >= COMPARED_MIN && floorKib <= limitKib ? this.#score(slot, floorKib, compared) : null;
    if (count < LOWS || this.#makeRoom(slot, floorKib, tick)) this.#insert(slot, floorKib, tick);
    return score;
  }

  /** The floors kept of an agent, lowest first, and the limit below which they are all there are. */
  read(slot: number): { kib: Uint32Array; ticks: Uint16Array; limitKib: number } {
    const start = slot * LOWS;
    const end = start + this.#count[slot]!;
    return {
      kib: this.#kib.subarray(start, end),
      ticks: this.#tick.subarray(start, end),
      limitKib: this.#limitKib[slot]!,
    };
  }

  /** What is too old goes. Where hardly any is left the agent lives higher than it did: it begins anew. */
  #expire(slot: number, tick: number): void {
    const start = slot * LOWS;
    const count = this.#count[slot]!;
    let kept = start;
    for (let i = start; i < start + count; i++) {
      if (age(tick, this.#tick[i]!) > MEMORY_TICKS) continue;
      this.#kib[kept] = this.#kib[i]!;
      this.#tick[kept++] = this.#tick[i]!;
    }
    this.#count[slot] = kept - start;
    if (kept === start) this.clear(slot);
  }

  /**
   * The Savage score of a floor's rank among the `compared` lowest: it weighs the lowest ranks most, because there a
   * sharp floor that has risen shows. Equal values share the mean of their scores.
   */
  #score(slot: number, floorKib: number, compared: number): Score {
    const start = slot * LOWS;
    const n = compared + 1;
    if (floorKib === this.#kib[start] && floorKib === this.#kib[start + compared - 1]) return NOTHING;
    let variance = 0;
    let value = 0;
    let rank = 0;
    let placed = false;
    for (let i = start; rank < n; ) {
      const old = i < start + n - 1 ? this.#kib[i]! : Number.POSITIVE_INFINITY;
      const here: boolean = !placed && floorKib <= old;
      const kib: number = here ? floorKib : old;
      let ties = here ? 1 : 0;
      placed ||= here;
      while (i < start + n - 1 && this.#kib[i] === kib) {
        i++;
        ties++;
      }
      let sum = 0;
      for (let r = rank; r < rank + ties; r++) sum += savage(r, n);
      if (here) value = sum / ties;
      variance += (sum * sum) / ties / n;
      rank += ties;
    }
    return { value, variance };
  }

  /** With how many of the lowest a new floor is compared, and up to where: all of an agent without noise, few of a young one. */
  #compared(slot: number, tick: number): { compared: number; limitKib: number } {
    const start = slot * LOWS;
    const count = this.#count[slot]!;
    const bandKib = this.#kib[start]! + BAND_KIB;
    if (count > 0 && this.#kib[start + count - 1]! <= bandKib) return { compared: count, limitKib: bandKib };
    const share = Math.floor(LOW_SHARE * Math.min(MEMORY_TICKS, tick - this.#since[slot]!));
    if (share >= count) return { compared: count, limitKib: this.#limitKib[slot]! };
    return { compared: share, limitKib: this.#kib[start + share]! };
  }

  /**
   * One has to go; gives whether there is room then. As long as all are recent it is the highest, which becomes the
   * limit. Of an agent with a limit and a long memory, or whose floors are all alike, it is the oldest, or the limit would
   * sink for ever. Neither choice looks at the order in which the values came, so ranks stay what they are.
   */
  #makeRoom(slot: number, floorKib: number, tick: number): boolean {
    const start = slot * LOWS;
    const last = start + LOWS - 1;
    let oldest = start;
    for (let i = start + 1; i <= last; i++) {
      if (age(tick, this.#tick[i]!) > age(tick, this.#tick[oldest]!)) oldest = i;
    }
    const highestKib = Math.max(floorKib, this.#kib[last]!);
    const flat = highestKib <= Math.min(floorKib, this.#kib[start]!) + BAND_KIB;
    const long = this.#limitKib[slot] !== NO_LIMIT && age(tick, this.#tick[oldest]!) > LONG_TICKS;
    if (flat || long) {
      this.#remove(slot, oldest);
      return true;
    }
    this.#limitKib[slot] = highestKib - 1;
    if (highestKib === floorKib) return false;
    this.#remove(slot, last);
    return true;
  }

  #remove(slot: number, index: number): void {
    const end = slot * LOWS + this.#count[slot]!;
    this.#kib.copyWithin(index, index + 1, end);
    this.#tick.copyWithin(index, index + 1, end);
    this.#count[slot]!--;
  }

  #insert(slot: number, floorKib: number, tick: number): void {
    const start = slot * LOWS;
    let i = start + this.#count[slot]!;
    for (; i > start && this.#kib[i - 1]! > floorKib; i--) {
      this.#kib[i] = this.#kib[i - 1]!;
      this.#tick[i] = this.#tick[i - 1]!;
    }
    this.#kib[i] = floorKib;
    this.#tick[i] = tick & TICK_MASK;
    this.#count[slot]!++;
  }
}

/** How many ticks ago; right as long as nothing is older than 65,535 ticks. */
export function age(tick: number, past: number): number {
  return (tick - past) & TICK_MASK;
}

const SAVAGE: number[][] = Array.from({ length: LOWS + 2 }, (_, n) =>
  Array.from({ length: n }, (_, rank) => {
    let sum = 0;
    for (let j = rank + 1; j <= n; j++) sum += 1 / j;
    return 1 - sum;
  }),
);

/** The Savage score of a rank from 0 among n, mirrored: its mean is 0, the lowest rank has the most negative. */
export function savage(rank: number, n: number): number {
  return SAVAGE[n]![rank]!;
}
