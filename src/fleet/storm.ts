import type { Share, Spec } from '../specification/spec.ts';
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

/**
 * How long the breaker waits before it tries a start. Where rounds are fixed, one that gets ready lets the whole pace
 * loose again, so that is the longest backoff. Adaptive rounds begin with one at a time: there it is the shortest, and
 * doubles each time in vain, until a storm has been over for a while.
 */
export class ProbePace {
  #vain = 0;
  #heldAt: BootMs = Number.NEGATIVE_INFINITY;

  delayMs({ restart: { backoff }, rounds }: Spec): number {
    return rounds.adaptive ? Math.min(backoff.maxMs, backoff.minMs * 2 ** this.#vain) : backoff.maxMs;
  }

  /** A storm began, or a start that was tried came to nothing. */
  inVain(): void {
    this.#vain++;
  }

  /** Lets time pass. @param calmMs how long there must have been no storm */
  expire(isHeld: boolean, calmMs: number, now: BootMs): void {
    if (isHeld) this.#heldAt = now;
    else if (now - this.#heldAt >= calmMs) this.#vain = 0;
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
