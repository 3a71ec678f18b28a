import { flushCompileCache } from 'node:module';
import type { Logger } from 'pino';
import { releaseFilePages } from '../host/proc/own-pages.ts';

/** When a supervisor tidies up after its start, in milliseconds: soon, once its fleets are up, and from time to time. */
const DUE_MS = [3_000, 30_000];
const EVERY_MS = 600_000;

/**
 * Gives back what only the start has needed, and keeps its compiled code for the next one: a supervisor that is killed
 * never comes to its end, where Node does that by itself.
 */
export function tidyUp(log: Logger): void {
  const later = (due: readonly number[]) => {
    const [ms = EVERY_MS, ...rest] = due;
    setTimeout(() => {
      try {
        flushCompileCache();
        releaseFilePages();
      } catch (error) {
        log.warn({ error: (error as Error).message }, 'cannot give memory back');
      }
      later(rest);
    }, ms).unref();
  };
  later(DUE_MS);
}
