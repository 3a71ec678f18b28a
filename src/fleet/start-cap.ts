import type { BootMs } from './agent.ts';

const MINUTE_MS = 60_000;
/** Times that no longer count are dropped when there are so many. */
const DROPPED_MIN = 1_024;

/** Counts the starts of the last minute, so that they stay within `rounds.perMinute`. */
export class StartCap {
  /** Oldest first; those before `first` no longer count. */
  #times: BootMs[] = [];
  #first = 0;

  /** An agent was started. */
  add(now: BootMs): void {
    this.#expire(now);
    this.#times.push(now);
  }

  /** The number of agents that may start now. @param perMinute the limit; null: none */
  room(perMinute: number | null, now: BootMs): number {
    if (perMinute === null) return Number.POSITIVE_INFINITY;
    this.#expire(now);
    return Math.max(0, perMinute - (this.#times.length - this.#first));
  }

  /** When the next agent may start; null if it may now. */
  opensAt(perMinute: number | null, now: BootMs): BootMs | null {
    if (perMinute === null || this.room(perMinute, now) > 0) return null;
    return this.#times[this.#times.length - perMinute]! + MINUTE_MS;
  }

  #expire(now: BootMs): void {
    while (this.#first < this.#times.length && now - this.#times[this.#first]! >= MINUTE_MS) this.#first++;
    if (this.#first < DROPPED_MIN && this.#first < this.#times.length) return;
    this.#times = this.#times.slice(this.#first);
    this.#first = 0;
  }
}
