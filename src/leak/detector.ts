import { Agents, type Grower } from './agents.ts';
import { cohortOf, cohortsOf } from './cohorts.ts';
import { exhaustion, isoBefore } from './exhaustion.ts';
import { LateCount } from './late.ts';
import { Lows } from './lows.ts';
import { commonRate, type Rate } from './rate.ts';
import { Runs } from './runs.ts';
import { Z_95 } from './slope.ts';
import { SCALES, Trend } from './trend.ts';
import type { Leak, LeakEvent, LeakLimits, Readings } from './types.ts';
import { type Evidence, type Growth, Judge, type LeakSignal, type LeakVerdict, Swing } from './verdict.ts';
import { describeLeak } from './words.ts';

export type { Leak, LeakEvent, LeakLimits, Readings } from './types.ts';

const HOUR_MS = 3_600_000;
const KIB = 1024;
/** An agent's first samples are its own warm-up, and settle for longer where small growth is looked for. */
const WARM_UP_TICKS = 6;
const SETTLED_TICKS = 24;
/** A day of samples every 5 minutes. */
const DAY_TICKS = 288;
/** A gap is as long as it is, up to what is remembered anyway. */
const GAP_TICKS_MAX = 500;
/** The common rise: less than one false alarm in years of passes every 5 minutes. */
const RISE_Z = 4.5;
/** The common rise is no chance when so many agents are rising each by itself. */
const RISERS_SHARE = 0.5;
/** More agents than usual stand high: told only where connections are counted by agent, which lift agents just so. */
const LATE_Z = 4.5;
/** The cohort that grows is named when the one before rises less than this. */
const LEVEL_Z = 2;
/** So far back more agents than usual may have begun to stand high. */
const LATE_TICKS = 24;
/** So many releases are remembered. */
const COHORTS_MAX = 6;
/** The common rate is worked out anew after so many ticks. */
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
  words: 'Too little is known yet.',
};

/**
 * Watches the memory of one fleet: pass by pass it takes what was sampled and says whether the fleet leaks. After a
 * restart of the supervisor it is fed the stored passes and then told what was last said (`resume`).
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
  /** Passes are counted from 0, and so are those that were missed. */
  #tick = -1;
  #at = 0;
  #rate: { rate: Rate | null; tick: number } = { rate: null, tick: Number.NEGATIVE_INFINITY };

  constructor(limits: LeakLimits) {
    this.#limits = limits;
  }

  /** What is to be said now. */
  get leak(): Leak {
    return this.#leak;
  }

  /** Goes on from what was last said, so that a restart of the supervisor neither repeats nor forgets it. */
  resume(said: Leak): void {
    this.#leak = said;
    this.#judge = new Judge(said.verdict);
  }

  /**
   * Takes a pass. Passes come in the order of time.
   *
   * @param availableBytes what the host can still give; null where unknown
   * @returns what turns with this pass; null where nothing does
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

  /** Counts the ticks since the last pass; gives how many were missed. A clock that was set back counts as one tick. */
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
    // A Map keeps the order of insertion: the one that was not used for longest is the first.
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
    const found = this.#find(samples);
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

  /** Everything the samples say. */
  #find(samples: Readings): FoundGrowth {
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

  /** Whether there is a verdict, or about to be one: only then is the rate worth its time. */
  #couldGrow(rise: LeakSignal, risers: LeakSignal): boolean {
    return this.#judge.verdict !== 'none' || rise.value > rise.limit || risers.value > risers.limit;
  }

  /** The rate of the fleet's common rise: from its lows, or where it rises too fast for them from the agents' slopes. */
  #commonRate(slots: Uint32Array, ticks: number): Rate {
    if (this.#rate.rate !== null && this.#tick - this.#rate.tick < RATE_TICKS) return this.#rate.rate;
    const { kibPerTick, error } = this.#agents.common;
    const bySlopes = { kibPerTick, low: kibPerTick - Z_95 * error, high: kibPerTick + Z_95 * error };
    const rate = commonRate(this.#lows, slots, ticks, this.#tick) ?? bySlopes;
    this.#rate = { rate, tick: this.#tick };
    return rate;
  }

  /** The growth of all: the common rate for each, and for the growers what they have beyond it. */
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

  #describe(samples: Readings, { evidence, growers, common }: FoundGrowth, said: Said): Leak {
    const { verdict, since, above, availableBytes } = said;
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
      exhaustsAt: exhaustion(samples.at, availableBytes, bytesPerHour),
    };
    return { ...leak, words: describeLeak(verdict, leak) };
  }

  /** The release that rises while another does not. */
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

  /** The slots whose floor is above the limit of an agent. */
  #aboveLimit(slots: Uint32Array): number[] {
    const { agentLimitBytes } = this.#limits;
    if (agentLimitBytes === null) return [];
    return Array.from(slots).filter((slot) => (this.#agents.floorKib(slot) ?? 0) * KIB > agentLimitBytes);
  }
}

interface FoundGrowth {
  evidence: Evidence;
  growers: Grower[];
  /** Over how many ticks. */
  ticks: number;
  /** Whether the fleet rises in common. */
  common: boolean;
}

interface Said {
  verdict: LeakVerdict;
  since: string | null;
  above: number[];
  availableBytes: number | null;
}
