import { Floors } from './floors.ts';
import { kendallZ, median, theilSen } from './slope.ts';

/** The minimum number of floors before an agent is judged by itself. */
const FLOORS_MIN = 12;
/** The number of agents judged per pass, in turn; this takes 4 ms. */
const JUDGED_PER_PASS = 500;
/** The minimum rise over an agent's whole known time that counts: daemons touch new pages occasionally. */
const RISE_KIB_MIN = 64;
/** An agent grows by itself if its slope is this many spreads above the fleet's. */
const SPREADS = 7;
/** A young run may climb all its time from one garbage collection to the next: its rise must exceed the usual range this many times. */
const RANGES = 2;
/** From the median absolute deviation to the standard deviation of a normal distribution: 1/Φ⁻¹(3/4). */
const MAD_TO_DEVIATION = 1.4826;
/** The standard error of a median of normal deviates, relative to that of their mean: √(π/2). */
const MEDIAN_TO_MEAN = 1.2533;
/** The minimum share of the whole rise in each of the two steps between the thirds of an agent's time. */
const THIRD_SHARE = 0.2;
/** The probability that any agent is found rising by chance, when all agents are judged once. */
const FALSE_RISERS = 1e-4;
/** The number of standard deviations below which a grower is dropped. */
const Z_END = 2;
/** The number of agents from which the spread of the fleet is measured. */
const SPREAD_AGENTS = 1_001;
/** The last blocks, which show a rise before it is long enough for a slope, and the minimum number of earlier blocks. */
const LATE = { blocks: 6, afterBlocks: 12, z: 2.8 };

/** An agent that grows by itself. */
export interface Grower {
  slot: number;
  kibPerTick: number;
  lowKibPerTick: number;
  highKibPerTick: number;
  /** The time that the slope covers. */
  ticks: number;
}

type Course = 'unknown' | 'level' | 'rising' | 'falling';
const COURSES: readonly Course[] = ['unknown', 'level', 'rising', 'falling'];

/** Judges single agents by the floors of their blocks, compared with the fleet's distribution of slopes. */
export class Agents {
  readonly #floors: Floors;
  /** KiB per tick; NaN if unknown. */
  readonly #slope: Float32Array;
  /** From the lowest to the highest floor, in KiB. */
  readonly #range: Float32Array;
  readonly #course: Uint8Array;
  /** Whether a block was completed since the agent was last judged. */
  readonly #changed: Uint8Array;
  /** Whether the last blocks are high: 0 or 1; 2 if unknown. */
  readonly #late: Uint8Array;
  #growers = new Map<number, Grower>();
  #next = 0;
  #center = 0;
  #spread = 0;
  #known = 1;
  #usualRange = 0;

  /** @param slots the number of slots to hold */
  constructor(slots: number) {
    this.#floors = new Floors(slots);
    this.#slope = new Float32Array(slots).fill(Number.NaN);
    this.#range = new Float32Array(slots);
    this.#course = new Uint8Array(slots);
    this.#changed = new Uint8Array(slots);
    this.#late = new Uint8Array(slots).fill(2);
  }

  /** Copies the state of another one, which must not be larger. */
  copyFrom(smaller: Agents): void {
    this.#floors.copyFrom(smaller.#floors);
    this.#slope.set(smaller.#slope);
    this.#range.set(smaller.#range);
    this.#course.set(smaller.#course);
    this.#changed.set(smaller.#changed);
    this.#late.set(smaller.#late);
    this.#growers = smaller.#growers;
  }

  /** Forgets a slot, because it has a new run or none. */
  clear(slot: number): void {
    this.#floors.clear(slot);
    this.#slope[slot] = Number.NaN;
    this.#course[slot] = 0;
    this.#late[slot] = 2;
    this.#growers.delete(slot);
  }

  /** Adds the reading of one tick; null if there is none that counts. */
  add(slot: number, kib: number | null): void {
    if (!this.#floors.add(slot, kib)) return;
    this.#changed[slot] = 1;
    if (!this.#floors.isLong(slot)) return;
    const late = lateRise(this.#floors.read(slot).kib);
    this.#late[slot] = late === null ? 2 : late > LATE.z ? 1 : 0;
  }

  /** The agents that grow by themselves, fastest first. */
  get growers(): Grower[] {
    return [...this.#growers.values()].sort((a, b) => b.kibPerTick - a.kibPerTick);
  }

  /** The latest floor of an agent, in KiB; null if unknown. */
  floorKib(slot: number): number | null {
    return this.#floors.read(slot).kib.at(-1) ?? null;
  }

  /** The median slope of the fleet and its standard error, in KiB per tick. */
  get common(): { kibPerTick: number; error: number } {
    return { kibPerTick: this.#center, error: (MEDIAN_TO_MEAN * this.#spread) / Math.sqrt(this.#known) };
  }

  /** The shares of these agents that are certainly rising and falling; null if too few can be judged. */
  shares(slots: ArrayLike<number>): { rising: number; falling: number } | null {
    const counts = { unknown: 0, level: 0, rising: 0, falling: 0 };
    for (let i = 0; i < slots.length; i++) counts[COURSES[this.#course[slots[i]!]!]!]++;
    const judged = slots.length - counts.unknown;
    if (judged === 0 || judged < slots.length / 2) return null;
    return { rising: counts.rising / judged, falling: counts.falling / judged };
  }

  /** Forgets growers that are gone. */
  retain(isThere: (slot: number) => boolean): void {
    for (const slot of this.#growers.keys()) if (!isThere(slot)) this.clear(slot);
  }

  /** How many of these agents have high last blocks, and for how many this is known. */
  late(slots: ArrayLike<number>): { high: number; of: number } {
    let high = 0;
    let of = 0;
    for (let i = 0; i < slots.length; i++) {
      const late = this.#late[slots[i]!]!;
      if (late === 2) continue;
      of++;
      high += late;
    }
    return { high, of };
  }

  /** Judges some of the agents, all of them in turn. */
  judge(slots: ArrayLike<number>): void {
    if (slots.length === 0) return;
    this.#measureSpread(slots);
    const zMin = normalTail(FALSE_RISERS / slots.length);
    const count = Math.min(slots.length, JUDGED_PER_PASS);
    for (let i = 0; i < count; i++) this.#judgeOne(slots[(this.#next + i) % slots.length]!, zMin);
    this.#next = (this.#next + count) % slots.length;
  }

  #judgeOne(slot: number, zMin: number): void {
    if (!this.#changed[slot]) return;
    this.#changed[slot] = 0;
    const { ticks, kib } = this.#floors.read(slot);
    if (kib.length < FLOORS_MIN) return;
    const span = ticks.at(-1)! - ticks[0]!;
    const [first, second, last] = thirds(kib);
    // The distance between the middles of the first and the last third.
    const apartTicks = (span * (kib.length - Math.floor(kib.length / 3))) / (kib.length - 1);
    const rough = (last - first) / apartTicks;
    this.#range[slot] = Math.max(...kib) - Math.min(...kib);
    this.#slope[slot] = rough;
    const z = kendallZ(kib);
    const isCertain =
      Math.abs(z) > zMin && Math.abs(rough) * span >= RISE_KIB_MIN && isSteady(first, second, last);
    this.#course[slot] = COURSES.indexOf(isCertain ? (z > 0 ? 'rising' : 'falling') : 'level');
    const beyondSaw = this.#floors.isLong(slot) || rough * span > RANGES * this.#usualRange;
    const apart = rough > this.#center + SPREADS * this.#spread && beyondSaw;
    const stays = this.#growers.has(slot) && z > Z_END && rough > this.#center + this.#spread;
    if (!stays && !(isCertain && z > 0 && apart)) {
      this.#growers.delete(slot);
      return;
    }
    const { perTick, low, high } = theilSen(ticks, kib);
    this.#growers.set(slot, {
      slot,
      kibPerTick: perTick,
      lowKibPerTick: low,
      highKibPerTick: high,
      ticks: span,
    });
  }

  /** Measures the median of the fleet's slopes and their spread; both are 0 for fewer than four agents. */
  #measureSpread(slots: ArrayLike<number>): void {
    const stride = Math.ceil(slots.length / SPREAD_AGENTS);
    const known: number[] = [];
    const ranges: number[] = [];
    for (let i = 0; i < slots.length; i += stride) {
      const slope = this.#slope[slots[i]!]!;
      if (Number.isNaN(slope)) continue;
      known.push(slope);
      ranges.push(this.#range[slots[i]!]!);
    }
    const few = known.length < 4;
    this.#known = Math.max(1, known.length);
    this.#center = few ? 0 : median(Float64Array.from(known));
    const away = Float64Array.from(known, (slope) => Math.abs(slope - this.#center));
    this.#usualRange = few ? 0 : median(Float64Array.from(ranges));
    this.#spread = few ? 0 : MAD_TO_DEVIATION * median(away);
  }
}

/** The median of each third of the floors. */
function thirds(kib: number[]): [number, number, number] {
  const third = Math.floor(kib.length / 3);
  return [
    medianOf(kib.slice(0, third)),
    medianOf(kib.slice(third, kib.length - third)),
    medianOf(kib.slice(kib.length - third)),
  ];
}

function medianOf(values: number[]): number {
  return median(Float64Array.from(values));
}

/**
 * Whether floors move in one direction from each third of their time to the next. They do not after a single step, such
 * as a connection that stays open, or a cache that fills once.
 */
function isSteady(first: number, second: number, last: number): boolean {
  const least = THIRD_SHARE * Math.abs(last - first);
  const direction = Math.sign(last - first);
  return direction * (second - first) >= least && direction * (last - second) >= least;
}

/**
 * How high the last blocks are: the weighted sum of their sequential ranks (the share of all earlier blocks that each
 * exceeds), later ones with more weight, divided by its standard deviation. If an agent does not grow, these ranks are
 * independent and uniform. Null if there are too few blocks.
 */
function lateRise(kib: number[]): number | null {
  const first = kib.length - LATE.blocks;
  if (first < LATE.afterBlocks) return null;
  let sum = 0;
  let squares = 0;
  for (let i = first; i < kib.length; i++) {
    let below = 0;
    for (let j = 0; j < i; j++) below += kib[j]! < kib[i]! ? 1 : kib[j]! === kib[i]! ? 0.5 : 0;
    const weight = i - first + 1;
    sum += weight * (below / i - 0.5);
    squares += weight * weight;
  }
  // The variance of a uniform number between 0 and 1 is 1/12.
  return sum / Math.sqrt(squares / 12);
}

/**
 * The number of standard deviations that a normal deviate exceeds with this probability: Abramowitz and Stegun 26.2.23,
 * within 0.0005.
 *
 * @param probability above 0, at most 0.5
 */
export function normalTail(probability: number): number {
  const t = Math.sqrt(-2 * Math.log(probability));
  return (
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) /
      (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t)
  );
}
