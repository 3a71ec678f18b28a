/** The number of lows kept per agent, 6 bytes each with their ticks. */
export const LOWS = 12;
/** The minimum number of older lows that a new one is compared with. */
const COMPARED_MIN = 4;
/** The number of ticks that a low is remembered: 36 hours of readings every 5 minutes. */
export const MEMORY_TICKS = 432;
/** Lows within this distance of the lowest count as alike, and the newest are kept: an agent without noise has only these. */
const BAND_KIB = 64;
/** The share of ticks whose lowest floors are compared in a young run: connections may lift the others. */
const LOW_SHARE = 0.05;
/** The age of the oldest low from which an agent has a long memory. */
const LONG_TICKS = 0.6 * MEMORY_TICKS;
/** No limit yet: every floor counts as a low until there are more than are kept. */
const NO_LIMIT = 0xffff_ffff;
/** Ticks are kept in 16 bits. */
const TICK_MASK = 0xffff;

/** The result of comparing a floor with the agent's earlier ones. */
export interface Score {
  /** At most 1; the more the agent has risen, the higher. Its expectation is 0 if the agent does not grow. */
  value: number;
  /** The variance of the value if the agent does not grow. */
  variance: number;
}

/** The score among equal values: exactly 0, which a sum of fractions only approximates. */
const NOTHING: Score = { value: 0, variance: 0 };

/**
 * The lowest floors of each agent within `MEMORY_TICKS`, and the rank of a new floor among them.
 *
 * A floor is a reading that is not above its neighbours: what remains after a garbage collection. Only floors below the
 * agent's own limit count, which is the highest of those kept. So anything that lifts an agent for a while (a connection,
 * a burst, a cache) drops out and has no influence. Among the remaining floors, a new one of an agent that does not grow
 * has every rank with the same probability, independently of all earlier ranks, whatever the distribution (sequential
 * ranks: Rényi 1962; Reynolds 1975; McDonald 1990, Naval Research Logistics 37). So its score has a known mean and
 * variance, and the scores of thousands of agents can be added. Once the memory is full and old lows are dropped, sums
 * over a longer time vary less than that (measured: 0.5 of it after 1,000 ticks), so the error is on the safe side.
 */
export class Lows {
  readonly #kib: Uint32Array;
  readonly #tick: Uint16Array;
  readonly #count: Uint8Array;
  readonly #limitKib: Uint32Array;
  /** The tick of the first floor. */
  readonly #since: Uint32Array;

  /** @param slots the number of slots to hold */
  constructor(slots: number) {
    this.#kib = new Uint32Array(slots * LOWS);
    this.#tick = new Uint16Array(slots * LOWS);
    this.#count = new Uint8Array(slots);
    this.#limitKib = new Uint32Array(slots).fill(NO_LIMIT);
    this.#since = new Uint32Array(slots);
  }

  /** Copies the state of another one, which must not be larger. */
  copyFrom(smaller: Lows): void {
    this.#kib.set(smaller.#kib);
    this.#tick.set(smaller.#tick);
    this.#count.set(smaller.#count);
    this.#limitKib.set(smaller.#limitKib);
    this.#since.set(smaller.#since);
  }

  /** Forgets a slot, because it has a new run. */
  clear(slot: number): void {
    this.#count[slot] = 0;
    this.#limitKib[slot] = NO_LIMIT;
  }

  /** Whether a floor is low enough to be worth an `add`. */
  counts(slot: number, floorKib: number): boolean {
    return floorKib <= this.#limitKib[slot]!;
  }

  /** Adds a floor that counts and returns its score; null if there are too few others to compare it with. */
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

  /** The floors kept of an agent, lowest first, and the limit below which none is missing. */
  read(slot: number): { kib: Uint32Array; ticks: Uint16Array; limitKib: number } {
    const start = slot * LOWS;
    const end = start + this.#count[slot]!;
    return {
      kib: this.#kib.subarray(start, end),
      ticks: this.#tick.subarray(start, end),
      limitKib: this.#limitKib[slot]!,
    };
  }

  /** Drops lows that are too old. If none is left, the agent uses more memory than before, and starts over. */
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
   * The Savage score of a floor's rank among the `compared` lowest: it gives the lowest ranks the most weight, because
   * they show when a sharp floor has risen. Equal values share the mean of their scores.
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

  /** How many of the lowest floors a new one is compared with, and up to which limit: all if there is no noise, few if young. */
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
   * Drops one low, and returns whether there is room for the new one then. While all are recent, the highest is dropped
   * and becomes the limit. If the agent has a limit and a long memory, or if all floors are alike, the oldest is dropped;
   * otherwise the limit would sink forever. Neither choice depends on the order of the values, so ranks stay valid.
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

/** The age in ticks; correct up to 65,535 ticks. */
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

/** The mirrored Savage score of a rank from 0 among n: its mean is 0, and the lowest rank has the most negative one. */
export function savage(rank: number, n: number): number {
  return SAVAGE[n]![rank]!;
}
