import { flushCompileCache } from 'node:module';
import type { Logger } from 'pino';
import { releaseFilePages } from '../host/proc/own-pages.ts';
import { Thrift } from '../supervisor/thrift.ts';
import { every } from './shared/timers.ts';

const LOOK_MS = 2_000;

/**
 * Gives memory back once a supervisor has nothing more to do: the garbage that thousands of starts have left, and pages of
 * files that only its own start has needed. V8 would keep the garbage until it needs the room.
 */
export class Frugality {
  readonly #end = new AbortController();
  readonly #thrift = new Thrift();
  #loop = performance.eventLoopUtilization();

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
    if (this.#thrift.isDue(utilization, performance.now(), () => process.memoryUsage.rss())) giveBack();
  }
}

function giveBack(): void {
  // Node writes it at its end, which a supervisor that is killed never comes to.
  flushCompileCache();
  // Of the ways to collect garbage, only the last resort also returns the pages that are free then.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  releaseFilePages();
}
