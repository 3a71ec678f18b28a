import type { BootMs } from '../agent.ts';
import { Trip } from './trip.ts';
import { Way } from './way.ts';

/** The current limit of `rounds.adaptive`, and why it is so. */
export interface PaceStatus {
  limit: number;
  /** The best recent rate of agents that become ready; null before it is known. */
  ratePerSecond: number | null;
  /** The time from start to ready without a queue. */
  baseMs: number | null;
  reason: string;
}

/** The bounds of the limit. */
export interface AdaptiveBounds {
  min: number;
  max: number;
}

/** The share of the full way that is allowed while the queue empties: few enough that agents hardly meet. */
const DRAIN_SHARE = 0.5;
const DRAIN_SAMPLES = 8;
/** The interval at which the latency without a queue is measured again, since hosts and registries change … */
const DRAIN_EVERY_MS = 60_000;
/** … which is also done early, if the rate has fallen to this share, but not more often than DRAIN_PAUSE_MS. */
const RATE_LOST = 0.7;
const DRAIN_PAUSE_MS = 1_000;
/** If the slowest of the first agents took this many times as long as the quickest, they had queued from the start. */
const QUEUED_FACTOR = 4;
/** Failures tolerated per trip, as a share of the limit: with a queue the limit may be too high, without one it is not. */
const TOLERATED = { queued: { count: 1, share: 0.02 }, full: { count: 2, share: 0.1 } } as const;
/** Up to this multiple of what fills the way, agents count as not queued. */
const FULL_FACTOR = 1.25;
const CUT_FACTOR = 0.5;
/** The rise of the ceiling per trip: it recovers slowly after a cut. */
const CEILING_STEP = 0.5;
/** The minimum time between two cuts for a shortage, because many starts hit the same shortage at once. */
const SHORTAGE_PAUSE_MS = 1_000;
/** If nothing has become ready for this multiple of the latency, whatever all agents must reach is gone. */
const OUT_FACTOR = 2;
/** The pauses between single starts after that, which grow. */
const PAUSE_MS = { min: 100, max: 5_000 } as const;
const PAUSE_GROWTH = 1.5;
/** The time without a start after which everything learnt is dropped. */
const REST_MS = 10_000;

type Mode =
  | { is: 'following'; since: BootMs; rate: number }
  | { is: 'draining' }
  | { is: 'out'; since: BootMs; pauseMs: number; opensAt: BootMs };

/**
 * Limits how many agents may be starting, by the rate and the latency at which they become ready. Whatever all of them
 * must reach (a registry, a disk, the processors) serves at some rate; more starts than keep it busy only wait in its
 * queue, and time out there. What keeps it busy is its rate times the latency without a queue; twice that is allowed.
 * So the limit doubles with every trip while that raises the rate, and otherwise stays: the control of TCP BBR, with
 * starts for packets. Failures lower a ceiling, which rises slowly again. docs/design/0017 gives the reasons. Pure: the
 * clock is passed in.
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
  /** Agents started before the last cut may fail for the reason of that cut, so their failures count only once. */
  #cutAt: BootMs = Number.NEGATIVE_INFINITY;
  #restsSince: BootMs | null = null;
  #reason = 'the initial limit';

  /** @param initial the first limit; later ones move within the bounds */
  constructor(initial: number, bounds: AdaptiveBounds) {
    this.#bounds = bounds;
    this.#initial = clamp(initial, bounds);
    this.#limit = this.#initial;
    this.#ceiling = bounds.max;
  }

  /** The maximum number of agents that may be starting. */
  get limit(): number {
    return Math.round(this.#limit);
  }

  /** The current limit, and its reason. */
  get state(): PaceStatus {
    return {
      limit: this.limit,
      ratePerSecond: this.#way ? 1000 * this.#way.rate : null,
      baseMs: this.#way?.aloneMs ?? null,
      reason: this.#reason,
    };
  }

  /** The number of agents that may start now. @param underWay the number of agents that are starting */
  room(underWay: number, now: BootMs): number {
    return now < (this.opensAt ?? now) ? 0 : Math.max(0, this.limit - underWay);
  }

  /** When the pause after a failed single start ends; null if there is none. */
  get opensAt(): BootMs | null {
    return this.#mode?.is === 'out' ? this.#mode.opensAt : null;
  }

  /** How long every start has failed, in milliseconds. */
  get outMs(): number {
    return this.#mode?.is === 'out' ? this.#cutAt - this.#mode.since : 0;
  }

  /**
   * Reports that an agent became ready.
   * @param latencyMs the time since its start
   * @param checkedMs the time since the previous check of its readiness
   * @param isLimited whether more agents waited for their start; only then does the rate tell anything about the limit
   */
  ready(latencyMs: number, checkedMs: number, isLimited: boolean, now: BootMs): void {
    this.#readyAt = now;
    if (this.#mode?.is === 'out') this.#mode = null;
    if (isLimited) this.#tripOf(latencyMs, now).addReady(latencyMs, checkedMs, now);
    else this.#trip = null;
  }

  /** Reports a failed start. @param latencyMs the time since its start */
  failed(latencyMs: number, reason: string, now: BootMs): void {
    if (now - latencyMs >= this.#cutAt) this.#tripOf(latencyMs, now).addFailure(reason, now);
  }

  /** Reports that the host is short of something. */
  shortage(reason: string, now: BootMs): void {
    if (now - this.#cutAt >= SHORTAGE_PAUSE_MS) this.#cut(this.#limit * CUT_FACTOR, reason, now);
  }

  /**
   * Judges everything reported since the last call together, because one check finds many agents ready. Call it before
   * each plan.
   * @param underWay the number of agents that are starting
   */
  settle(underWay: number, now: BootMs): void {
    this.#rest(underWay, now);
    const trip = this.#trip;
    if (!trip) return;
    if (trip.failures > this.#tolerated) this.#fail(trip.failure, now);
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
    this.#move(Math.min(this.#limit, this.#initial), 'reset after a rest');
  }

  /** Whether more agents may be starting than fill the way. */
  get #isQueued(): boolean {
    return !this.#way || this.#limit > FULL_FACTOR * this.#way.full;
  }

  get #tolerated(): number {
    const { count, share } = this.#isQueued ? TOLERATED.queued : TOLERATED.full;
    return Math.min(this.limit - 1, count + share * this.limit);
  }

  /** Whether as many agents are ready as may be starting, one of them started within the trip; in a drain, all that count. */
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
      this.#move(
        DRAIN_SHARE * this.#way.full,
        `measures the latency without a queue: ${describe(this.#way)}`,
      );
    } else {
      this.#move(Math.min(this.#way.limit, this.#ceiling), `follows the rate: ${describe(this.#way)}`);
    }
  }

  #isDrainDue(rate: number, now: BootMs): boolean {
    if (this.#mode?.is !== 'following') return false;
    const lastedMs = now - this.#mode.since;
    return lastedMs >= DRAIN_EVERY_MS || (lastedMs >= DRAIN_PAUSE_MS && rate < RATE_LOST * this.#mode.rate);
  }

  /** More starts failed than are tolerated: removes the queue; without one, halves the limit. */
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

  /** Nothing becomes ready any more: starts one agent at a time until one does. */
  #tryOne(failure: string, now: BootMs): void {
    const before = this.#mode?.is === 'out' ? this.#mode : null;
    if (!before) this.#ceiling = clamp(this.#limit * CUT_FACTOR, this.#bounds);
    const pauseMs = before ? Math.min(PAUSE_MS.max, PAUSE_GROWTH * before.pauseMs) : PAUSE_MS.min;
    this.#forget();
    this.#cutAt = now;
    this.#mode = { is: 'out', since: before?.since ?? now, pauseMs, opensAt: now + pauseMs };
    this.#move(this.#bounds.min, `starts one agent at a time: ${failure}`);
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
  return `${(1000 * rate).toFixed(1)} agents per second become ready, ${Math.round(aloneMs)} ms after their start without a queue`;
}

function clamp(value: number, { min, max }: AdaptiveBounds): number {
  return Math.min(max, Math.max(min, value));
}
