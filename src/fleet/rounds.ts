import type { BootMs } from './agent.ts';

/**
 * The one start budget of a fleet. Every start or restart of an agent joins the open round. A round takes `parallel`
 * members and ends when each of them is ready, has failed or is no longer wanted; after `delay` the next one opens. So
 * at most `parallel` agents are starting, whatever started them.
 */
export class Rounds {
  readonly #active = new Set<number>();
  #joined = 0;
  #opensAt: BootMs;

  /** @param opensAt when the first round may open */
  constructor(opensAt: BootMs = 0) {
    this.#opensAt = opensAt;
  }

  /** The number of agents that may join now. */
  room(parallel: number, now: BootMs): number {
    return now < this.#opensAt ? 0 : Math.max(0, parallel - this.#joined);
  }

  /** When the pause between rounds ends; null if there is none. */
  opensAt(now: BootMs): BootMs | null {
    return now < this.#opensAt ? this.#opensAt : null;
  }

  has(slot: number): boolean {
    return this.#active.has(slot);
  }

  get size(): number {
    return this.#active.size;
  }

  join(slot: number): void {
    if (this.#active.has(slot)) return;
    this.#active.add(slot);
    this.#joined++;
  }

  /** Removes a member that is done, whatever the outcome; the last one ends the round. */
  leave(slot: number, delayMs: number, now: BootMs): void {
    if (!this.#active.delete(slot) || this.#active.size > 0) return;
    this.#joined = 0;
    this.#opensAt = now + delayMs;
  }
}
