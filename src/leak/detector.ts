import { Agents, type Grower } from './agents.ts';
import { cohortOf, cohortsOf } from './cohorts.ts';
import { describeLeak } from './describe.ts';
import { exhaustionAt } from './exhaustion.ts';
import { LateCount } from './late.ts';
import { Lows } from './lows.ts';
import { commonRate, type Rate } from './rate.ts';
import { Runs } from './runs.ts';
import { Z_95 } from './slope.ts';
import { SCALES, Trend } from './trend.ts';
import type { Leak, LeakEvent, LeakLimits, Readings } from './types.ts';
import { type Evidence, type Growth, Judge, type LeakSignal, type LeakVerdict, Swing } from './verdict.ts';

export type { Leak, LeakEvent, LeakLimits, Readings } from './types.ts';

const HOUR_MS = 3_600_000;
const KIB = 1024;
/** An agent's first readings are warm-up; small growth is looked for only after a longer time. */
const WARM_UP_TICKS = 6;
const SETTLED_TICKS = 24;
/** A day of readings every 5 minutes. */
const DAY_TICKS = 288;
/** The maximum length of a gap: older readings are forgotten anyway. */
const GAP_TICKS_MAX = 500;
/** The limit of the common rise: less than one false alarm in years of readings every 5 minutes. */
const RISE_Z = 4.5;
/** The share of agents that rise by themselves above which the common rise is significant. */
const RISERS_SHARE = 0.5;
/** The limit for more high agents than usual; used only if connections are counted per agent, because these lift agents too. */
const LATE_Z = 4.5;
/** A growing cohort is named if another one rises less than this. */
const LEVEL_Z = 2;
/** How far back agents may have become high. */
const LATE_TICKS = 24;
/** The maximum number of releases that are remembered. */
const COHORTS_MAX = 6;
/** The number of ticks after which the common rate is computed again. */
const RATE_TICKS = 3;
const NOTHING: Leak = {
  verdict: 'none',
  bytesPerHour: 0,
  interval: null,
  since: null,
  scope: null,
  cohort: null,
  agents: [],
  exhaustsAt: null,
  words: 'Not enough data yet.',
};

/**
 * Judges the memory of one fleet: it takes the readings pass by pass and decides whether the fleet leaks. After a restart
 * of the supervisor it takes the stored readings, and then the verdict that was last reported (`resume`).
 */
export class LeakDetector {
  readonly #limits: LeakLimits;
  #room = 0;
  #runs = new Runs(0);
  #lows = new Lows(0);
  #agents = new Agents(0);
  readonly #fleet = new Trend();
  readonly #cohorts = new Map<string, Trend>();
  readonly #riseSwing = new Swing(RISE_Z);
  readonly #riserSwing = new Swing(RISERS_SHARE);
  readonly #late = new LateCount();
  #judge = new Judge();
  #leak: Leak = NOTHING;
  /** Passes are counted from 0, missed ones included. */
  #tick = -1;
  #at = 0;
  #rate: { rate: Rate | null; tick: number } = { rate: null, tick: Number.NEGATIVE_INFINITY };

  constructor(limits: LeakLimits) {
    this.#limits = limits;
  }

  /** The current verdict. */
  get leak(): Leak {
    return this.#leak;
  }

  /** Continues from the verdict last reported, so that a restart of the supervisor neither repeats nor loses it. */
  resume(reported: Leak): void {
    this.#leak = reported;
    this.#judge = new Judge(reported.verdict);
  }

  /**
   * Takes the readings of a pass; passes must come in the order of time.
   *
   * @param availableBytes the available memory of the host; null if unknown
   * @returns the change of the verdict; null if it does not change
   */
  observe(samples: Readings, availableBytes: number | null): LeakEvent | null {
    const missed = this.#advance(samples.at);
    this.#makeRoom(samples.slots);
    this.#fleet.advance(this.#tick, samples.connectionsTotal);
    const trends = cohortsOf(samples).map((release) => (release === null ? null : this.#cohort(release)));
    for (const trend of this.#cohorts.values()) trend.advance(this.#tick, samples.connectionsTotal);
    for (let i = 0; i < samples.slots.length; i++)
      this.#take(samples, i, missed, trends[samples.release[i]!]!);
    const there = new Set(samples.slots);
    this.#agents.retain((slot) => there.has(slot));
    this.#agents.judge(samples.slots);
    return this.#conclude(samples, availableBytes);
  }

  /** Counts the ticks since the last pass and returns how many were missed. A clock set back counts as one tick. */
  #advance(at: number): number {
    const passed = this.#tick < 0 ? 1 : Math.round((at - this.#at) / this.#limits.everyMs);
    const ticks = Math.min(GAP_TICKS_MAX, Math.max(1, passed));
    this.#tick += ticks;
    this.#at = at;
    return ticks - 1;
  }

  #makeRoom(slots: Uint32Array): void {
    let room = this.#room;
    for (const slot of slots) if (slot >= room) room = Math.max(slot + 1, 2 * room);
    if (room === this.#room) return;
    const [runs, lows, agents] = [new Runs(room), new Lows(room), new Agents(room)];
    runs.copyFrom(this.#runs);
    lows.copyFrom(this.#lows);
    agents.copyFrom(this.#agents);
    this.#room = room;
    this.#runs = runs;
    this.#lows = lows;
    this.#agents = agents;
  }

  #cohort(release: string): Trend {
    const trend = this.#cohorts.get(release) ?? new Trend();
    // A Map keeps the order of insertion, so the least recently used one is the first.
    this.#cohorts.delete(release);
    this.#cohorts.set(release, trend);
    if (this.#cohorts.size > COHORTS_MAX) this.#cohorts.delete(this.#cohorts.keys().next().value!);
    return trend;
  }

  #take(samples: Readings, i: number, missed: number, trend: Trend | null): void {
    const slot = samples.slots[i]!;
    const startedMs = samples.startedMs[i]!;
    if (this.#runs.isNew(slot, startedMs)) this.#clear(slot);
    const ageTicks = (samples.at - startedMs) / this.#limits.everyMs;
    if (ageTicks < WARM_UP_TICKS) return;
    const kib = this.#runs.counted(slot, samples.rssBytes[i]!, samples.connections?.[i] ?? null);
    for (let tick = 0; tick < missed; tick++) this.#agents.add(slot, null);
    this.#agents.add(slot, kib);
    const floor = this.#runs.floor(slot, kib);
    if (ageTicks < SETTLED_TICKS || floor === null || !this.#lows.counts(slot, floor)) return;
    const score = this.#lows.add(slot, floor, this.#tick);
    if (score === null) return;
    this.#fleet.add(slot, score);
    trend?.add(slot, score);
  }

  #clear(slot: number): void {
    this.#lows.clear(slot);
    this.#agents.clear(slot);
  }

  #conclude(samples: Readings, availableBytes: number | null): LeakEvent | null {
    const before = this.#judge.verdict;
    const found = this.#findGrowth(samples);
    const turn = this.#judge.decide(found.evidence, this.#limits.growthBytesPerHour);
    const verdict = this.#judge.verdict;
    const since =
      before === 'none' ? isoBefore(samples.at, found.ticks * this.#limits.everyMs) : this.#leak.since;
    const above = this.#aboveLimit(samples.slots);
    this.#leak =
      verdict === 'none'
        ? { ...NOTHING, agents: above, words: describeLeak(verdict, NOTHING) }
        : this.#describe(samples, found, { verdict, since, above, availableBytes });
    return turn === null ? null : { turn, leak: this.#leak };
  }

  /** Everything that the readings show. */
  #findGrowth(samples: Readings): FoundGrowth {
    const { slots } = samples;
    const growers = this.#agents.growers;
    const rises = SCALES.map((ticks) => this.#fleet.rise(ticks));
    const rise: LeakSignal = { value: Math.max(...rises), limit: this.#riseSwing.limit };
    this.#riseSwing.add(-Math.min(...rises));
    const shares = this.#agents.shares(slots);
    const risers: LeakSignal = { value: shares?.rising ?? 0, limit: this.#riserSwing.limit };
    this.#riserSwing.add(shares?.falling ?? 0);
    const { high, of } = this.#agents.late(slots);
    if (samples.connections !== null) this.#late.add(high, of);
    const common = rise.value > rise.limit / 2 || risers.value > risers.limit / 2;
    const scaleTicks = SCALES[rises.indexOf(rise.value)]!;
    const rate = common && this.#couldGrow(rise, risers) ? this.#commonRate(slots, scaleTicks) : null;
    const evidence: Evidence = {
      rise,
      risers,
      late: { value: this.#late.z, limit: LATE_Z },
      growers: growers.length,
      growth: this.#growth(growers, rate, slots.length),
      firstDay: this.#tick < DAY_TICKS && samples.connectionsTotal === null,
    };
    const ticks = common ? scaleTicks : (growers[0]?.ticks ?? LATE_TICKS);
    return { evidence, growers, ticks: Math.min(ticks, this.#tick), common: rate !== null };
  }

  /** Whether there is a verdict, or about to be one: only then is the rate computed, which takes time. */
  #couldGrow(rise: LeakSignal, risers: LeakSignal): boolean {
    return this.#judge.verdict !== 'none' || rise.value > rise.limit || risers.value > risers.limit;
  }

  /** The rate of the fleet's common rise: from its lows, or from the agents' slopes if it rises too fast for its lows. */
  #commonRate(slots: Uint32Array, ticks: number): Rate {
    if (this.#rate.rate !== null && this.#tick - this.#rate.tick < RATE_TICKS) return this.#rate.rate;
    const { kibPerTick, error } = this.#agents.common;
    const bySlopes = { kibPerTick, low: kibPerTick - Z_95 * error, high: kibPerTick + Z_95 * error };
    const rate = commonRate(this.#lows, slots, ticks, this.#tick) ?? bySlopes;
    this.#rate = { rate, tick: this.#tick };
    return rate;
  }

  /** The growth of the whole fleet: the common rate of each agent, plus the excess of the growers. */
  #growth(growers: Grower[], common: Rate | null, agents: number): Growth | null {
    if (growers.length === 0 && common === null) return null;
    const { kibPerTick, low, high } = common ?? { kibPerTick: 0, low: 0, high: 0 };
    let beyond = 0;
    let below = 0;
    let above = 0;
    for (const grower of growers) {
      beyond += grower.kibPerTick - kibPerTick;
      below += (grower.kibPerTick - grower.lowKibPerTick) ** 2;
      above += (grower.highKibPerTick - grower.kibPerTick) ** 2;
    }
    const perHour = (KIB * HOUR_MS) / this.#limits.everyMs;
    const total = agents * kibPerTick + beyond;
    return {
      bytesPerHour: total * perHour,
      low: (total - Math.hypot(agents * (kibPerTick - low), Math.sqrt(below))) * perHour,
      high: (total + Math.hypot(agents * (high - kibPerTick), Math.sqrt(above))) * perHour,
    };
  }

  #describe(samples: Readings, { evidence, growers, common }: FoundGrowth, conclusion: Conclusion): Leak {
    const { verdict, since, above, availableBytes } = conclusion;
    const own = growers.map(({ slot }) => slot);
    const bytesPerHour = evidence.growth?.bytesPerHour ?? this.#leak.bytesPerHour;
    const cohort = common ? this.#risingCohort() : cohortOf(own, samples);
    const leak = {
      verdict,
      bytesPerHour: Math.round(bytesPerHour),
      interval: evidence.growth && {
        low: Math.round(evidence.growth.low),
        high: Math.round(evidence.growth.high),
      },
      since,
      scope: cohort !== null ? ('cohort' as const) : common ? ('fleet' as const) : ('agents' as const),
      cohort,
      agents: [...own, ...above.filter((slot) => !own.includes(slot))],
      exhaustsAt: exhaustionAt(samples.at, availableBytes, bytesPerHour),
    };
    return { ...leak, words: describeLeak(verdict, leak) };
  }

  /** The only release that rises, if another one does not. */
  #risingCohort(): string | null {
    const rises = [...this.#cohorts].map(([release, trend]) => ({
      release,
      z: Math.max(...SCALES.map((ticks) => trend.rise(ticks))),
      known: trend.known,
    }));
    const rising = rises.filter(({ z }) => z > RISE_Z);
    return rising.length === 1 && rises.some(({ z, known }) => known && z < LEVEL_Z)
      ? rising[0]!.release
      : null;
  }

  /** The slots whose floor is above agentLimit. */
  #aboveLimit(slots: Uint32Array): number[] {
    const { agentLimitBytes } = this.#limits;
    if (agentLimitBytes === null) return [];
    return Array.from(slots).filter((slot) => (this.#agents.floorKib(slot) ?? 0) * KIB > agentLimitBytes);
  }
}

interface FoundGrowth {
  evidence: Evidence;
  growers: Grower[];
  /** The number of ticks that the growth covers. */
  ticks: number;
  /** Whether the whole fleet rises. */
  common: boolean;
}

interface Conclusion {
  verdict: LeakVerdict;
  since: string | null;
  above: number[];
  availableBytes: number | null;
}

function isoBefore(at: number, ms: number): string {
  return new Date(at - ms).toISOString();
}
