import type { Share, Spec } from '../specification/spec.ts';
import type { BootMs } from './agent.ts';

/**
 * Fewer slots than this are no storm, unless they are the whole fleet. In a small fleet a share such as 10 % is less than
 * one agent: without this bound, one or two bad slots would hold all others.
 */
const SLOTS_MIN = 3;

/** The storm breaker's memory: the slots that recently failed to start, each counted once. */
export class StormWindow {
  /** Slot → its latest failure, oldest first (a Map keeps insertion order). */
  readonly #failedAt = new Map<number, BootMs>();

  add(slot: number, now: BootMs): void {
    this.#failedAt.delete(slot);
    this.#failedAt.set(slot, now);
  }

  /** Forgets a slot that is no longer wanted. */
  forget(slot: number): void {
    this.#failedAt.delete(slot);
  }

  /** The number of slots that failed within the last `withinMs`. */
  count(withinMs: number, now: BootMs): number {
    for (const [slot, at] of this.#failedAt) {
      if (now - at < withinMs) break;
      this.#failedAt.delete(slot);
    }
    return this.#failedAt.size;
  }

  /** The slot that failed last; undefined if none did. */
  latest(): number | undefined {
    return [...this.#failedAt.keys()].at(-1);
  }

  clear(): void {
    this.#failedAt.clear();
  }
}

/**
 * How long the breaker waits before a probe. With fixed rounds, one that becomes ready sets the whole pace free again,
 * so the wait is the longest backoff. Adaptive rounds start with one at a time, so there it is the shortest backoff; it
 * doubles with each failed probe, until no storm has occurred for a while.
 */
export class ProbePace {
  #vain = 0;
  #heldAt: BootMs = Number.NEGATIVE_INFINITY;

  delayMs({ restart: { backoff }, rounds }: Spec): number {
    return rounds.adaptive ? Math.min(backoff.maxMs, backoff.minMs * 2 ** this.#vain) : backoff.maxMs;
  }

  /** A storm started, or a probe failed. */
  failed(): void {
    this.#vain++;
  }

  /** Lets time pass. @param calmMs how long there must be no storm before the delay is reset */
  expire(isHeld: boolean, calmMs: number, now: BootMs): void {
    if (isHeld) this.#heldAt = now;
    else if (now - this.#heldAt >= calmMs) this.#vain = 0;
  }
}

/** A share of a fleet as a number of agents, not rounded. */
export function shareOf(share: Share, total: number): number {
  return 'count' in share ? share.count : (share.percent / 100) * total;
}

/** Whether this number of failing slots in a fleet of `target` is a storm. */
export function isStorm(failing: number, share: Share, target: number): boolean {
  return failing > shareOf(share, target) && (failing >= SLOTS_MIN || failing >= target);
}
