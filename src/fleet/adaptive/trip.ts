import type { BootMs } from '../agent.ts';

/** The times from start to ready, less half of the interval between two checks. */
class Latencies {
  count = 0;
  #sumMs = 0;

  add(latencyMs: number): void {
    this.count++;
    this.#sumMs += latencyMs;
  }

  get meanMs(): number {
    return this.#sumMs / this.count;
  }
}

/** The outcome of starts from one moment until an agent that was started after it is ready: the round trip of TCP. */
export class Trip {
  readonly begun: BootMs;
  lastAt: BootMs;
  readonly ready = new Latencies();
  /** The latencies of agents that were started within the trip. */
  readonly fresh = new Latencies();
  /** How long ready agents may have waited for a check. */
  readonly unseen = new Latencies();
  quickestMs = Number.POSITIVE_INFINITY;
  slowestMs = 0;
  failures = 0;
  /** The reason of the last failure. */
  failure = '';

  constructor(begun: BootMs) {
    this.begun = begun;
    this.lastAt = begun;
  }

  /** Adds an agent that became ready. @param checkedMs the time since the previous check */
  addReady(latencyMs: number, checkedMs: number, now: BootMs): void {
    // It became ready at some time between the two checks: on average in the middle.
    const unseenMs = Math.min(latencyMs, checkedMs);
    const tookMs = latencyMs - unseenMs / 2;
    this.lastAt = now;
    this.ready.add(tookMs);
    this.unseen.add(unseenMs);
    if (now - latencyMs >= this.begun) this.fresh.add(tookMs);
    this.quickestMs = Math.min(this.quickestMs, tookMs);
    this.slowestMs = Math.max(this.slowestMs, tookMs);
  }

  addFailure(reason: string, now: BootMs): void {
    this.lastAt = now;
    this.failures++;
    this.failure = reason;
  }

  /** The number of agents that became ready per millisecond. */
  get rate(): number {
    return this.ready.count / (this.lastAt - this.begun);
  }
}
