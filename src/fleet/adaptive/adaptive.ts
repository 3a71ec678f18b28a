import type { BootMs } from '../agent.ts';
import { Trip } from './trip.ts';
import { Way } from './way.ts';

/** What `rounds.adaptive` has come to. */
export interface PaceStatus {
  limit: number;
  /** Agents that got ready a second, at best, lately; null before that is known. */
  ratePerSecond: number | null;
  /** From start to ready without a queue. */
  baseMs: number | null;
  reason: string;
}

/** How the limit is bounded. */
export interface AdaptiveBounds {
  min: number;
  max: number;
}

/** Half of what fills the way is let in while the queue runs empty: hardly anybody meets another. */
const DRAIN_SHARE = 0.5;
const DRAIN_SAMPLES = 8;
/** How soon agents are ready without a queue is measured again after so long, since hosts and registries change … */
const DRAIN_EVERY_MS = 60_000;
/** … and as soon as the rate has fallen so far, but not all the time. */
const RATE_LOST = 0.7;
const DRAIN_PAUSE_MS = 1_000;
/** Where the slowest of the first agents took so many times as long as the quickest, they had queued from the first. */
const QUEUED_FACTOR = 4;
/** Failures that are borne in a trip, as a share of the limit: more than fills the way may be too many, less is not. */
const BORNE = { queued: { count: 1, share: 0.02 }, full: { count: 2, share: 0.1 } } as const;
/** Up to so many times what fills the way nobody is said to queue. */
const FULL_FACTOR = 1.25;
const CUT_FACTOR = 0.5;
/** After a cut more are let in again slowly: one every so many trips. */
const CEILING_STEP = 0.5;
/** Many starts run into one shortage at the same time. */
const SHORTAGE_PAUSE_MS = 1_000;
/** Nothing has got ready for so many times as long as it takes: whatever all must reach is gone. */
const OUT_FACTOR = 2;
/** Then one agent at a time is tried, ever less often. */
const PAUSE_MS = { min: 100, max: 5_000 } as const;
const PAUSE_GROWTH = 1.5;
/** After so long without a start nothing is known any more. */
const REST_MS = 10_000;

type Mode =
  | { is: 'following'; since: BootMs; rate: number }
  | { is: 'draining' }
  | { is: 'out'; since: BootMs; pauseMs: number; opensAt: BootMs };

/**
 * How many agents may be starting, following how fast and how soon they get ready. Whatever they all must reach (a
 * registry, a disk, the processors) serves at some rate; more starts than keep it busy only wait in its queue, and
 * time out there. What keeps it busy is its rate times the latency without a queue; twice that is allowed. So the limit
 * doubles with every trip as long as that brings more rate, and stays where it does not: the control of TCP BBR, with
 * starts for packets. Failures lower a ceiling that rises slowly again. docs/design/0017 has the why. Pure: the clock
 * is passed in.
 */
export class AdaptiveLimit {
  readonly #bounds: AdaptiveBounds;
  readonly #initial: number;
  #limit: number;
  #ceiling: number;
  #mode: Mode | null = null;
  #way: Way | null = null;
  #trip: Trip | null = null;
  #readyAt: BootMs = Number.NEGATIVE_INFINITY;
  /** What was started before the last cut may fail of what led to it: that is the same failure. */
  #cutAt: BootMs = Number.NEGATIVE_INFINITY;
  #restsSince: BootMs | null = null;
  #reason = 'as it begins';

  /** @param initial where it begins; later it moves within the bounds */
  constructor(initial: number, bounds: AdaptiveBounds) {
    this.#bounds = bounds;
    this.#initial = clamp(initial, bounds);
    this.#limit = this.#initial;
    this.#ceiling = bounds.max;
  }

  /** How many agents may be starting at the same time. */
  get limit(): number {
    return Math.round(this.#limit);
  }

  /** What it has come to, and why. */
  get state(): PaceStatus {
    return {
      limit: this.limit,
      ratePerSecond: this.#way ? 1000 * this.#way.rate : null,
      baseMs: this.#way?.aloneMs ?? null,
      reason: this.#reason,
    };
  }

  /** How many more may start now. @param underWay agents that are starting */
  room(underWay: number, now: BootMs): number {
    return now < (this.opensAt ?? now) ? 0 : Math.max(0, this.limit - underWay);
  }

  /** When the pause after a start that came to nothing ends; null where there is none. */
  get opensAt(): BootMs | null {
    return this.#mode?.is === 'out' ? this.#mode.opensAt : null;
  }

  /** For how long every start that was tried has come to nothing. */
  get outMs(): number {
    return this.#mode?.is === 'out' ? this.#cutAt - this.#mode.since : 0;
  }

  /**
   * An agent got ready.
   * @param latencyMs from its start
   * @param lookMs how long before nobody had looked whether it was
   * @param isLimited whether more agents waited for their start: only then the rate says something about the limit
   */
  ready(latencyMs: number, lookMs: number, isLimited: boolean, now: BootMs): void {
    this.#readyAt = now;
    if (this.#mode?.is === 'out') this.#mode = null;
    if (isLimited) this.#tripOf(latencyMs, now).addReady(latencyMs, lookMs, now);
    else this.#trip = null;
  }

  /** A start failed so long after it began. */
  failed(latencyMs: number, reason: string, now: BootMs): void {
    if (now - latencyMs >= this.#cutAt) this.#tripOf(latencyMs, now).addFailure(reason, now);
  }

  /** The host is short of something. */
  shortage(reason: string, now: BootMs): void {
    if (now - this.#cutAt >= SHORTAGE_PAUSE_MS) this.#cut(this.#limit * CUT_FACTOR, reason, now);
  }

  /**
   * Judges what was told since the last time, all of it together: one look finds many that are ready. To be called
   * before each plan.
   * @param underWay agents that are starting
   */
  settle(underWay: number, now: BootMs): void {
    this.#rest(underWay, now);
    const trip = this.#trip;
    if (!trip) return;
    if (trip.failures > this.#borne) this.#fail(trip.failure, now);
    else if (this.#isOver(trip)) this.#judge(trip, now);
  }

  #tripOf(latencyMs: number, now: BootMs): Trip {
    this.#trip ??= new Trip(now - latencyMs);
    return this.#trip;
  }

  #rest(underWay: number, now: BootMs): void {
    if (underWay > 0) this.#restsSince = null;
    else this.#restsSince ??= now;
    if (!this.#way || this.#restsSince === null || now - this.#restsSince < REST_MS) return;
    this.#forget();
    this.#ceiling = this.#bounds.max;
    this.#move(Math.min(this.#limit, this.#initial), 'begins anew after a rest');
  }

  /** More may be starting than fill the way. */
  get #isQueued(): boolean {
    return !this.#way || this.#limit > FULL_FACTOR * this.#way.full;
  }

  get #borne(): number {
    const { count, share } = this.#isQueued ? BORNE.queued : BORNE.full;
    return Math.min(this.limit - 1, count + share * this.limit);
  }

  /** As many agents as may be starting, one of them started within the trip; in a drain, all those that count. */
  #isOver({ ready, fresh, begun, lastAt }: Trip): boolean {
    const freshMin = this.#mode?.is === 'draining' ? Math.min(DRAIN_SAMPLES, this.limit) : 1;
    return fresh.count >= freshMin && ready.count >= this.limit && lastAt > begun;
  }

  #judge(trip: Trip, now: BootMs): void {
    this.#trip = new Trip(trip.lastAt);
    const isFirst = this.#way === null;
    this.#way ??= new Way(trip);
    if (this.#mode?.is === 'draining') {
      this.#way.learnAlone(trip);
      this.#mode = null;
    } else {
      this.#way.learn(trip);
      this.#ceiling = Math.min(this.#bounds.max, this.#ceiling + CEILING_STEP);
    }
    const { rate } = this.#way;
    this.#mode ??= { is: 'following', since: now, rate };
    const hasQueued = isFirst && trip.slowestMs > QUEUED_FACTOR * trip.quickestMs;
    if (hasQueued || this.#isDrainDue(rate, now)) {
      this.#mode = { is: 'draining' };
      this.#move(DRAIN_SHARE * this.#way.full, `looks how soon without a queue: ${describe(this.#way)}`);
    } else {
      this.#move(Math.min(this.#way.limit, this.#ceiling), `follows: ${describe(this.#way)}`);
    }
  }

  #isDrainDue(rate: number, now: BootMs): boolean {
    if (this.#mode?.is !== 'following') return false;
    const lastedMs = now - this.#mode.since;
    return lastedMs >= DRAIN_EVERY_MS || (lastedMs >= DRAIN_PAUSE_MS && rate < RATE_LOST * this.#mode.rate);
  }

  /** More failed than is borne: the queue goes; where there is none, half of what there is. */
  #fail(failure: string, now: BootMs): void {
    if (now - this.#readyAt > OUT_FACTOR * (this.#way?.aloneMs ?? 0)) {
      this.#tryOne(failure, now);
      return;
    }
    const least = this.#way && this.#isQueued ? this.#way.full : 0;
    this.#cut(Math.max(this.#limit * CUT_FACTOR, least), failure, now);
  }

  #cut(limit: number, reason: string, now: BootMs): void {
    this.#cutAt = now;
    this.#trip = new Trip(now);
    this.#mode = null;
    this.#ceiling = clamp(limit, this.#bounds);
    this.#move(this.#ceiling, `lowered: ${reason}`);
  }

  /** Nothing gets ready any more: one at a time, until one does. */
  #tryOne(failure: string, now: BootMs): void {
    const before = this.#mode?.is === 'out' ? this.#mode : null;
    if (!before) this.#ceiling = clamp(this.#limit * CUT_FACTOR, this.#bounds);
    const pauseMs = before ? Math.min(PAUSE_MS.max, PAUSE_GROWTH * before.pauseMs) : PAUSE_MS.min;
    this.#forget();
    this.#cutAt = now;
    this.#mode = { is: 'out', since: before?.since ?? now, pauseMs, opensAt: now + pauseMs };
    this.#move(this.#bounds.min, `tries one at a time: ${failure}`);
  }

  #forget(): void {
    this.#trip = null;
    this.#way = null;
    this.#mode = null;
  }

  #move(limit: number, reason: string): void {
    this.#limit = clamp(limit, this.#bounds);
    this.#reason = reason;
  }
}

function describe({ rate, aloneMs }: Way): string {
  return `${(1000 * rate).toFixed(1)} a second get ready, ${Math.round(aloneMs)} ms after their start without a queue`;
}

function clamp(value: number, { min, max }: AdaptiveBounds): number {
  return Math.min(max, Math.max(min, value));
}
