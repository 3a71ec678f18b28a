import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../e2e/harness.ts';
import type { Arena } from './arena.ts';
import { readAgents } from './kernel.ts';

const LOOK_MS = 300;

/** Looks at the kernel's processes all the time: at no moment may a slot have two agents. */
export class Watch {
  #isOver = false;
  readonly #looking: Promise<void>;
  /** How often it has looked. */
  looks = 0;

  constructor(arena: Arena) {
    this.#looking = this.#look(arena);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#looking;
  }

  async #look(arena: Arena): Promise<void> {
    while (!this.#isOver) {
      for (const [slot, pids] of readAgents(arena)) {
        // The list was not read in one moment: one may have made room for the other meanwhile.
        const alive = pids.length > 1 ? pids.filter(isRunning) : pids;
        if (alive.length > 1) arena.lose(`slot ${slot} has the processes ${alive.join(', ')} at once`);
      }
      this.looks++;
      await sleep(LOOK_MS);
    }
  }
}
