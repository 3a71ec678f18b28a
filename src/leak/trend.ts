import { MEMORY_TICKS, type Score } from './lows.ts';

/** The number of groups, by slot, in which agents are summed: the differences between groups measure chance. */
const GROUPS = 32;
/** The periods over which growth is looked for, in ticks. */
export const SCALES = [12, 24, 48, 96, 192, 384] as const;

/**
 * The scores of a fleet's floors, tick by tick, and the test whether they rise.
 *
 * Each scale weights its ticks by a ramp, the shape of a leak that began with it. Growth that follows the number of
 * connections is removed by a weighted regression of the ramp on that number: the rest of the ramp is the part that
 * connections cannot explain. The variance is that of the groups, or that of the scores if it is larger, so that agents
 * whose readings depend on the previous ones do not count as independent.
 */
export class Trend {
  /** A ring of `MEMORY_TICKS` rows. */
  readonly #value = new Float32Array(MEMORY_TICKS * GROUPS);
  readonly #variance = new Float32Array(MEMORY_TICKS * GROUPS);
  /** NaN if unknown. */
  readonly #connections = new Float64Array(MEMORY_TICKS).fill(Number.NaN);
  #tick = 0;

  /** Advances to a tick, and forgets what is too old. */
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

  /** Adds a score of this tick. */
  add(slot: number, { value, variance }: Score): void {
    const cell = (this.#tick % MEMORY_TICKS) * GROUPS + (slot % GROUPS);
    this.#value[cell]! += value;
    this.#variance[cell]! += variance;
  }

  /** Whether there is anything to judge. */
  get known(): boolean {
    return this.#variance.some((variance) => variance > 0);
  }

  /** The rise over one scale, in standard deviations; 0 if too little is known. */
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

  /** The part of a ramp that connections explain, by ticks back. */
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

/** The weight of a tick by its age: 1 now, 0 at the scale and before. */
function ramp(back: number, ticks: number): number {
  return Math.max(0, 1 - back / ticks);
}

/** The sum of independent groups divided by its standard deviation, as a normal deviate. */
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
 * The normal deviate as improbable as Student's t with these degrees of freedom: Wallace 1959, Annals of Mathematical
 * Statistics 30; within 0.02 for three degrees or more.
 */
export function normalOfT(t: number, degrees: number): number {
  const size = ((8 * degrees + 1) / (8 * degrees + 3)) * Math.sqrt(degrees * Math.log1p((t * t) / degrees));
  return t < 0 ? -size : size;
}
