import type { Share } from '../spec/spec.ts';
import type { BootMs } from './agent.ts';

/** Fewer slots than this make no storm, unless they are the whole fleet. */
const SLOTS_MIN = 3;

/** The storm breaker's memory: which slots failed to start lately, each counted once. */
export class StormWindow {
  /** Slot → its latest failure, oldest first (a Map keeps insertion order). */
  readonly #failedAt = new Map<number, BootMs>();

  add(slot: number, now: BootMs): void {
    this.#failedAt.delete(slot);
    this.#failedAt.set(slot, now);
  }

  /** A slot that is not wanted any more is nobody's failure. */
  forget(slot: number): void {
    this.#failedAt.delete(slot);
  }

  /** How many slots failed within the last `withinMs`. */
  count(withinMs: number, now: BootMs): number {
    for (const [slot, at] of this.#failedAt) {
      if (now - at < withinMs) break;
      this.#failedAt.delete(slot);
    }
    return this.#failedAt.size;
  }

  /** The slot that failed last; undefined where none did. */
  latest(): number | undefined {
    return [...this.#failedAt.keys()].at(-1);
  }

  clear(): void {
    this.#failedAt.clear();
  }
}

/** A share of a fleet as a number of agents, not rounded. */
export function shareOf(share: Share, total: number): number {
  return 'count' in share ? share.count : (share.percent / 100) * total;
}

/** Whether so many failing slots of a fleet of `target` are a storm. */
export function isStorm(failing: number, share: Share, target: number): boolean {
  return failing > shareOf(share, target) && (failing >= SLOTS_MIN || failing >= target);
}
