import { flushCompileCache } from 'node:module';
import type { Logger } from 'pino';
import { releaseFilePages } from '../host/proc/own-pages.ts';
import { every } from './shared/timers.ts';

const LOOK_MS = 2_000;
/** The share of time for which the loop works while thousands of agents start or end; supervising them takes far less. */
const BUSY = 0.1;
/** Growth that is worth the pause, of 60 ms with 10,000 agents. */
const GROWTH = 1.5;
/** Memory that grows slowly is looked at this often. */
const SLOW_MS = 600_000;

/**
 * Gives memory back once a supervisor has nothing more to do: the garbage that thousands of starts have left, and pages of
 * files that only its own start has needed. V8 would keep the garbage until it needs the room.
 */
export class Frugality {
  readonly #end = new AbortController();
  #loop = performance.eventLoopUtilization();
  #isDue = true;
  #lookedAt = 0;
  /** What it had at the first look after it had given memory back; null until then. */
  #neededBytes: number | null = 0;

  constructor(log: Logger) {
    const failed = ({ message }: Error) => log.warn({ error: message }, 'cannot give memory back');
    every(LOOK_MS, this.#end.signal, () => this.#look(), failed);
  }

  stop(): void {
    this.#end.abort();
  }

  #look(): void {
    const loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop);
    this.#loop = loop;
    const isBusy = utilization > BUSY;
    this.#isDue ||= isBusy || performance.now() - this.#lookedAt > SLOW_MS;
    if (isBusy || !this.#isDue) return;
    this.#lookedAt = performance.now();
    const rssBytes = process.memoryUsage.rss();
    this.#neededBytes ??= rssBytes;
    this.#isDue = rssBytes > this.#neededBytes * GROWTH;
    if (!this.#isDue) return;
    this.#neededBytes = null;
    giveBack();
  }
}

function giveBack(): void {
  // Node writes it at its end, which a supervisor that is killed never comes to.
  flushCompileCache();
  // Of the ways to collect garbage, only the last resort also returns the pages that are free then.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  releaseFilePages();
}
