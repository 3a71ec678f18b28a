import { MEMORY_TICKS, type Score } from './lows.ts';

/** Agents are summed up in so many groups by slot: how far these differ says how far chance goes. */
const GROUPS = 32;
/** How far back growth is looked for, in ticks. */
export const SCALES = [12, 24, 48, 96, 192, 384] as const;

/**
 * The scores of a fleet's floors, tick by tick, and the test whether they rise.
 *
 * Each scale weighs its ticks by a ramp, as a leak that began with it would. Growth that goes along with the number of
 * connections is taken out by a weighted regression of the ramp on that number: what is left of the ramp is the part
 * that connections cannot explain. The variance comes from the groups, or from the scores' own where that is more, so
 * agents whose memory wanders (a sample like the one before) do not count as so many independent witnesses.
 */
export class Trend {
  /** A ring of `MEMORY_TICKS` rows. */
  readonly #value = new Float32Array(MEMORY_TICKS * GROUPS);
  readonly #variance = new Float32Array(MEMORY_TICKS * GROUPS);
  /** NaN where unknown. */
  readonly #connections = new Float64Array(MEMORY_TICKS).fill(Number.NaN);
  #tick = 0;

  /** Moves on to a tick: what is too old is forgotten. */
  advance(tick: number, connections: number | null): void {
    for (let past = Math.max(this.#tick + 1, tick - MEMORY_TICKS + 1); past <= tick; past++) {
      const row = past % MEMORY_TICKS;
      this.#value.fill(0, row * GROUPS, (row + 1) * GROUPS);
      this.#variance.fill(0, row * GROUPS, (row + 1) * GROUPS);
      this.#connections[row] = Number.NaN;
    }
    this.#tick = tick;
    this.#connections[tick % MEMORY_TICKS] = connections ?? Number.NaN;
  }

  /** A score of this tick. */
  add(slot: number, { value, variance }: Score): void {
    const cell = (this.#tick % MEMORY_TICKS) * GROUPS + (slot % GROUPS);
    this.#value[cell]! += value;
    this.#variance[cell]! += variance;
  }

  /** Whether there is anything to judge. */
  get known(): boolean {
    return this.#variance.some((variance) => variance > 0);
  }

  /** The rise at one scale: standard deviations of chance. 0 where too little is known. */
  rise(ticks: number): number {
    const explained = this.#explained(ticks);
    const sums = new Float64Array(GROUPS);
    const present = new Uint8Array(GROUPS);
    let own = 0;
    for (let back = 0; back < MEMORY_TICKS && back <= this.#tick; back++) {
      const weight = ramp(back, ticks) - explained(back);
      if (weight === 0) continue;
      const row = ((this.#tick - back) % MEMORY_TICKS) * GROUPS;
      for (let group = 0; group < GROUPS; group++) {
        const variance = this.#variance[row + group]!;
        if (variance === 0) continue;
        present[group] = 1;
        sums[group]! += weight * this.#value[row + group]!;
        own += weight * weight * variance;
      }
    }
    return studentized(sums, present, own);
  }

  /** The part of a ramp that follows the connections, by ticks back. */
  #explained(ticks: number): (back: number) => number {
    const weights = new Float64Array(MEMORY_TICKS);
    let total = 0;
    let mean = 0;
    for (let back = 0; back < MEMORY_TICKS && back <= this.#tick; back++) {
      const row = (this.#tick - back) % MEMORY_TICKS;
      if (Number.isNaN(this.#connections[row]!)) continue;
      for (let group = 0; group < GROUPS; group++) weights[back]! += this.#variance[row * GROUPS + group]!;
      total += weights[back]!;
      mean += weights[back]! * this.#connections[row]!;
    }
    if (total === 0) return () => 0;
    mean /= total;
    let square = 0;
    let product = 0;
    const deviation = (back: number) => {
      const connections = this.#connections[(this.#tick - back + MEMORY_TICKS) % MEMORY_TICKS]!;
      return Number.isNaN(connections) ? 0 : connections - mean;
    };
    for (let back = 0; back < MEMORY_TICKS; back++) {
      if (weights[back] === 0) continue;
      square += weights[back]! * deviation(back) ** 2;
      product += weights[back]! * deviation(back) * ramp(back, ticks);
    }
    const slope = square > 0 ? product / square : 0;
    return (back) => slope * deviation(back);
  }
}

/** The weight of a tick so far back: 1 now, 0 at the scale and before. */
function ramp(back: number, ticks: number): number {
  return Math.max(0, 1 - back / ticks);
}

/** The sum of independent groups over its standard deviation, as a normal deviate. */
function studentized(sums: Float64Array, present: Uint8Array, own: number): number {
  let n = 0;
  let total = 0;
  for (let group = 0; group < GROUPS; group++) {
    if (!present[group]) continue;
    n++;
    total += sums[group]!;
  }
  if (n < 2 || own === 0) return 0;
  let squares = 0;
  for (let group = 0; group < GROUPS; group++) if (present[group]) squares += (sums[group]! - total / n) ** 2;
  return normalOfT(total / Math.sqrt(Math.max(own, (squares * n) / (n - 1))), n - 1);
}

/**
 * The normal deviate as improbable as Student's t at so many degrees of freedom: Wallace 1959, Annals of Mathematical
 * Statistics 30; within 0.02 for three degrees or more.
 */
export function normalOfT(t: number, degrees: number): number {
  const size = ((8 * degrees + 1) / (8 * degrees + 3)) * Math.sqrt(degrees * Math.log1p((t * t) / degrees));
  return t < 0 ? -size : size;
}
