import type { PaceStatus } from '../api/protocol.ts';
import type { BootMs } from './agent.ts';

/** How the limit is bounded. */
export interface AdaptiveBounds {
  min: number;
  max: number;
}

/** While each doubling brings so much more rate, whatever agents wait for is not busy yet. */
const GROWTH_MIN = 1.25;
/** So many epochs without growth, and it is busy. */
const LEVEL_EPOCHS = 2;
/** Where agents take so many times as long as without a queue, there is one: no further doubling. */
const QUEUED_FACTOR = 2;
/** The latency without a queue is that of the quickest tenth: a single one may be luck. */
const QUICK_SHARE = 0.1;
/** Twice what is under way at full rate, and a few more: the queue is never empty, and never long. */
const GAIN = 2;
const SPARE = 4;
/** The rate is the best of so many epochs: a lull is no smaller capacity, a lasting one is. */
const RATE_EPOCHS = 6;
/** The latency without a queue is forgotten after so long: a host, or a registry, changes. */
const BASE_MEMORY_MS = 600_000;
/** An epoch is at least as long as a few looks at agents that start, or its rate would be chance. */
const EPOCH_MS_MIN = 100;
const FAILURE_FACTOR = 0.5;
/** What was started before a cut still fails for a while; it is one failure, not many. */
const CUT_PAUSE_FACTOR = 2;

/**
 * How many agents may be starting, following how fast and how soon they get ready. Whatever they all must reach (a
 * registry, a disk, the processors) serves at some rate; more starts than keep it busy only wait in its queue, and
 * time out there. First the limit doubles as long as that brings a higher rate. Then it is held at twice the product
 * of the best rate and the latency without a queue: what keeps the way full, by Little's law, and a queue as long
 * again. That is the control of TCP BBR (Cardwell et al. 2016), with starts for packets. A failure halves it. Pure:
 * the clock is passed in.
 */
export class AdaptiveLimit {
  readonly #bounds: AdaptiveBounds;
  #limit: number;
  #base: { ms: number; at: BootMs } | null = null;
  #rates: number[] = [];
  #epoch: { begun: BootMs; latenciesMs: number[] } | null = null;
  #levelEpochs = 0;
  #isProbing = true;
  #cutUntil: BootMs = Number.NEGATIVE_INFINITY;
  #reason = 'as it begins';

  /** @param initial where it begins; later it moves within the bounds */
  constructor(initial: number, bounds: AdaptiveBounds) {
    this.#bounds = bounds;
    this.#limit = clamp(initial, bounds);
  }

  /** How many agents may be starting at the same time. */
  get limit(): number {
    return Math.round(this.#limit);
  }

  /** What it has come to, and why. */
  get state(): PaceStatus {
    return {
      limit: this.limit,
      ratePerSecond: this.#rates.length > 0 ? 1000 * Math.max(...this.#rates) : null,
      baseMs: this.#base?.ms ?? null,
      reason: this.#reason,
    };
  }

  /**
   * An agent got ready.
   * @param latencyMs from its start
   * @param isLimited whether more agents waited for their start: only then the rate says something about the limit
   */
  ready(latencyMs: number, isLimited: boolean, now: BootMs): void {
    if (!isLimited) {
      this.#epoch = null;
      return;
    }
    this.#epoch ??= { begun: now - latencyMs, latenciesMs: [] };
    const { begun, latenciesMs } = this.#epoch;
    // While it doubles, what was started under half the limit says nothing about the whole of it.
    if (this.#isProbing && now - latencyMs < begun) return;
    latenciesMs.push(latencyMs);
    const lastedMs = now - begun;
    if (latenciesMs.length >= this.#limit && lastedMs >= Math.max(EPOCH_MS_MIN, this.#base?.ms ?? 0))
      this.#judge(begun, latenciesMs.sort(ascending), now);
  }

  /** A start failed, or the host is short of something. */
  failed(reason: string, now: BootMs): void {
    if (now < this.#cutUntil) return;
    this.#isProbing = false;
    this.#rates = this.#rates.map((rate) => rate * FAILURE_FACTOR);
    this.#move(this.#limit * FAILURE_FACTOR, `halved: ${reason}`);
    this.#epoch = null;
    this.#cutUntil = now + CUT_PAUSE_FACTOR * (this.#base?.ms ?? 0);
  }

  #judge(begun: BootMs, latenciesMs: readonly number[], now: BootMs): void {
    const quickMs = latenciesMs[Math.floor(QUICK_SHARE * latenciesMs.length)]!;
    if (!this.#base || quickMs <= this.#base.ms || now - this.#base.at > BASE_MEMORY_MS)
      this.#base = { ms: quickMs, at: now };
    const rate = latenciesMs.length / (now - begun);
    const best = Math.max(0, ...this.#rates);
    this.#rates = [...this.#rates, rate].slice(-RATE_EPOCHS);
    this.#epoch = { begun: now, latenciesMs: [] };
    if (this.#isProbing) {
      this.#levelEpochs = rate >= best * GROWTH_MIN ? 0 : this.#levelEpochs + 1;
      const isQueued = latenciesMs[latenciesMs.length >> 1]! > QUEUED_FACTOR * this.#base.ms;
      if (this.#levelEpochs < LEVEL_EPOCHS && !isQueued) {
        if (this.#levelEpochs === 0) this.#move(2 * this.#limit, `doubled: ${perSecond(rate)} get ready`);
        return;
      }
      this.#isProbing = false;
    }
    const full = Math.max(...this.#rates) * this.#base.ms;
    const what = `${perSecond(Math.max(...this.#rates))} get ready, ${Math.round(this.#base.ms)} ms after their start at best`;
    this.#move(GAIN * full + SPARE, `follows: ${what}`);
  }

  #move(limit: number, reason: string): void {
    this.#limit = clamp(limit, this.#bounds);
    this.#reason = reason;
  }
}

const ascending = (a: number, b: number): number => a - b;

function perSecond(ratePerMs: number): string {
  return `${(1000 * ratePerMs).toFixed(1)} a second`;
}

function clamp(value: number, { min, max }: AdaptiveBounds): number {
  return Math.min(max, Math.max(min, value));
}
