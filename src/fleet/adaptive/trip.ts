import type { BootMs } from '../agent.ts';

/** How long agents took that got ready, from their start on; half of the time between two looks is taken off. */
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

/** What came of agents from one moment until one that was started after it is ready: the round trip of TCP. */
export class Trip {
  readonly begun: BootMs;
  lastAt: BootMs;
  readonly ready = new Latencies();
  /** Those of them that were started within the trip. */
  readonly fresh = new Latencies();
  /** How long the ready ones may have waited to be seen. */
  readonly unseen = new Latencies();
  quickestMs = Number.POSITIVE_INFINITY;
  slowestMs = 0;
  failures = 0;
  /** What the last failure was. */
  failure = '';

  constructor(begun: BootMs) {
    this.begun = begun;
    this.lastAt = begun;
  }

  /** An agent got ready so long after its start. @param lookMs how long before nobody had looked */
  addReady(latencyMs: number, lookMs: number, now: BootMs): void {
    // It was ready at some time between the two looks: in the middle, by and large.
    const unseenMs = Math.min(latencyMs, lookMs);
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

  /** Agents that got ready a millisecond. */
  get rate(): number {
    return this.ready.count / (this.lastAt - this.begun);
  }
}
