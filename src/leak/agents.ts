import { Floors } from './floors.ts';
import { kendallZ, median, theilSen } from './slope.ts';

/** So many floors before an agent is judged by itself. */
const FLOORS_MIN = 12;
/** So many agents are judged in a pass, in turn: 4 ms. */
const JUDGED_PER_PASS = 500;
/** A rise of less within all that is known of an agent is nobody's leak: daemons touch new pages now and then. */
const RISE_KIB_MIN = 64;
/** An agent grows by itself where its slope is so many spreads above the fleet's. */
const SPREADS = 7;
/** A young run may climb from one collection to the next all its time: it must rise so many times what floors range over. */
const RANGES = 2;
/** From the median absolute deviation to the standard deviation of a normal distribution: 1/Φ⁻¹(3/4). */
const MAD_TO_DEVIATION = 1.4826;
/** The standard error of a median of normal deviates against that of their mean: √(π/2). */
const MEDIAN_TO_MEAN = 1.2533;
/** Each of the two steps between the thirds of an agent's time makes at least this part of the whole rise. */
const THIRD_SHARE = 0.2;
/** How often one agent that does not grow may be found rising, over all agents judged once. */
const FALSE_RISERS = 1e-4;
/** A named agent is let go below so many standard deviations. */
const Z_END = 2;
/** The spread of the fleet is taken from so many agents. */
const SPREAD_AGENTS = 1_001;
/** The last blocks that tell of a rise before there is enough of it for a slope, and after how many others. */
const LATE = { blocks: 6, afterBlocks: 12, z: 2.8 };

/** An agent that grows by itself. */
export interface Grower {
  slot: number;
  kibPerTick: number;
  lowKibPerTick: number;
  highKibPerTick: number;
  /** How much time the slope was taken over. */
  ticks: number;
}

type Course = 'unknown' | 'level' | 'rising' | 'falling';
const COURSES: readonly Course[] = ['unknown', 'level', 'rising', 'falling'];

/** Single agents, judged by the floors of their blocks and against the fleet's distribution of slopes. */
export class Agents {
  readonly #floors: Floors;
  /** KiB a tick; NaN where unknown. */
  readonly #slope: Float32Array;
  /** From the lowest to the highest floor, in KiB. */
  readonly #range: Float32Array;
  readonly #course: Uint8Array;
  /** Whether a block was completed since the agent was last judged. */
  readonly #changed: Uint8Array;
  /** Whether the last blocks stand high; 2 where too little is known. */
  readonly #late: Uint8Array;
  #growers = new Map<number, Grower>();
  #next = 0;
  #center = 0;
  #spread = 0;
  #known = 1;
  #usualRange = 0;

  /** @param slots how many agents there is room for */
  constructor(slots: number) {
    this.#floors = new Floors(slots);
    this.#slope = new Float32Array(slots).fill(Number.NaN);
    this.#range = new Float32Array(slots);
    this.#course = new Uint8Array(slots);
    this.#changed = new Uint8Array(slots);
    this.#late = new Uint8Array(slots).fill(2);
  }

  /** Takes over what another one knows; that one must not be larger. */
  copyFrom(smaller: Agents): void {
    this.#floors.copyFrom(smaller.#floors);
    this.#slope.set(smaller.#slope);
    this.#range.set(smaller.#range);
    this.#course.set(smaller.#course);
    this.#changed.set(smaller.#changed);
    this.#late.set(smaller.#late);
    this.#growers = smaller.#growers;
  }

  /** A new run is in the slot, or none any more: nothing is known of it. */
  clear(slot: number): void {
    this.#floors.clear(slot);
    this.#slope[slot] = Number.NaN;
    this.#course[slot] = 0;
    this.#late[slot] = 2;
    this.#growers.delete(slot);
  }

  /** The sample of one tick, null where there is none that counts. */
  add(slot: number, kib: number | null): void {
    if (!this.#floors.add(slot, kib)) return;
    this.#changed[slot] = 1;
    if (!this.#floors.isLong(slot)) return;
    const late = lateRise(this.#floors.read(slot).kib);
    this.#late[slot] = late === null ? 2 : late > LATE.z ? 1 : 0;
  }

  /** The agents that grow by themselves, the fastest first. */
  get growers(): Grower[] {
    return [...this.#growers.values()].sort((a, b) => b.kibPerTick - a.kibPerTick);
  }

  /** The lowest an agent has been lately, in KiB; null where nothing is known. */
  floorKib(slot: number): number | null {
    return this.#floors.read(slot).kib.at(-1) ?? null;
  }

  /** The slope in the middle of the fleet and the standard error of that, in KiB a tick. */
  get common(): { kibPerTick: number; error: number } {
    return { kibPerTick: this.#center, error: (MEDIAN_TO_MEAN * this.#spread) / Math.sqrt(this.#known) };
  }

  /** What part of these agents is rising for sure, and what part falling; null where too few can be judged. */
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

  /** How many of these agents stand high with their last blocks, and of how many that can be told. */
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
    // The middles of the first and the last third are so far apart.
    const apartTicks = (span * (kib.length - Math.floor(kib.length / 3))) / (kib.length - 1);
    const rough = (last - first) / apartTicks;
    this.#range[slot] = Math.max(...kib) - Math.min(...kib);
    this.#slope[slot] = rough;
    const z = kendallZ(kib);
    const sure = Math.abs(z) > zMin && Math.abs(rough) * span >= RISE_KIB_MIN && steady(first, second, last);
    this.#course[slot] = COURSES.indexOf(sure ? (z > 0 ? 'rising' : 'falling') : 'level');
    const beyondSaw = this.#floors.isLong(slot) || rough * span > RANGES * this.#usualRange;
    const apart = rough > this.#center + SPREADS * this.#spread && beyondSaw;
    const stays = this.#growers.has(slot) && z > Z_END && rough > this.#center + this.#spread;
    if (!stays && !(sure && z > 0 && apart)) {
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

  /** The middle of the fleet's slopes and their spread; of fewer than four agents nothing can be said. */
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

/** The middle of each third of the floors. */
function thirds(kib: number[]): [number, number, number] {
  const third = Math.floor(kib.length / 3);
  return [
    middle(kib.slice(0, third)),
    middle(kib.slice(third, kib.length - third)),
    middle(kib.slice(kib.length - third)),
  ];
}

function middle(values: number[]): number {
  return median(Float64Array.from(values));
}

/**
 * Whether floors go one way from each third of their time to the next. After a step, as a connection makes that stays
 * open, or a cache that fills once, they do not.
 */
function steady(first: number, second: number, last: number): boolean {
  const least = THIRD_SHARE * Math.abs(last - first);
  const direction = Math.sign(last - first);
  return direction * (second - first) >= least && direction * (last - second) >= least;
}

/**
 * How high the last blocks stand: the sum of their sequential ranks (which part of all earlier ones each is above), the
 * later ones weighing more, over its standard deviation. Where an agent does not grow these ranks are independent and
 * uniform. Null where there are too few blocks.
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
 * How many standard deviations a normal deviate exceeds with so small a probability: Abramowitz and Stegun 26.2.23,
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
