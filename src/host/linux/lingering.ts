import { setTimeout as sleep } from 'node:timers/promises';
import type { Containment } from '../cgroup/containment.ts';

/** The interval at which a slot is looked at; it doubles up to the maximum. */
const POLL_MS = { min: 5, max: 250 } as const;

interface Parts {
  containment: Containment;
  /** Kills everything in a slot. */
  kill: (key: string) => void;
  /** Called when nothing lives in a slot any more. */
  onEmpty: (key: string) => void;
}

/** Slots without a main process in which something lives. */
export class Lingering {
  readonly #parts: Parts;
  /** Whether what lives there is being killed. */
  readonly #slots = new Map<string, { isKilled: boolean }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** How much lives in a slot. */
  countIn(key: string): number {
    return this.#isPopulated(key) ? Math.max(1, this.#parts.containment.members(key).length) : 0;
  }

  /** Waits until nothing lives in a slot; what is being killed is killed again and again, as it may fork. */
  async watch(key: string, isKilled: boolean): Promise<void> {
    const slot = { isKilled };
    this.#slots.set(key, slot);
    for (let waitMs: number = POLL_MS.min; ; waitMs = Math.min(waitMs * 2, POLL_MS.max)) {
      await sleep(waitMs);
      if (this.#slots.get(key) !== slot) return;
      if (!this.#isPopulated(key)) break;
      if (slot.isKilled) this.#parts.kill(key);
    }
    this.#slots.delete(key);
    this.#parts.onEmpty(key);
  }

  /** What lives in a slot is to be killed until nothing is left. */
  killed(key: string): void {
    const slot = this.#slots.get(key);
    if (slot) slot.isKilled = true;
  }

  /** The slot has a main process again. */
  forget(key: string): void {
    this.#slots.delete(key);
  }

  /** If the answer cannot be determined (no descriptor left), the check is repeated, because an exit must not be lost. */
  #isPopulated(key: string): boolean {
    const { containment } = this.#parts;
    try {
      return containment.isPopulated(key);
    } catch (error) {
      containment.onProblem(error as Error);
      return true;
    }
  }
}
