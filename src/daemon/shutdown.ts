import { flushCompileCache } from 'node:module';
import type { Logger } from 'pino';
import { FleetError } from '../errors/fleet-error.ts';
import { nameFailure } from '../host/limits.ts';
import { Deadline, endBySignal, exitNow, writeLastWords } from '../host/process/deadline.ts';

/** How long what cannot go on may take to end. */
const BROKEN_MS_MAX = 1_000;
/** How long an orderly end may take, once agents that are to be stopped have been: closing sockets, threads and files. */
const ORDERLY_MS_MAX = 10_000;

/** One step of an orderly end. */
export type Farewell = () => void | Promise<void>;

/**
 * The one way out. Agents run on, and the next supervisor finds them, so to end is always safe, and to stay while
 * holding the lock never is: whatever the disk answers, or if it does not answer at all, the kernel ends this process
 * when its time is over. To arm it is the first act, and nothing after it can fail.
 */
export class Shutdown {
  readonly #deadline = new Deadline();

  /** From now on a defect is told to this log, once, and ends the supervisor. */
  catchDefects(log: Logger): void {
    // A rejection that nobody handles comes here as well (process.on, 'uncaughtException').
    process.on('uncaughtException', (error) => {
      this.#deadline.arm(BROKEN_MS_MAX);
      attempt(() => log.fatal({ err: error }, 'a defect: the supervisor ends, agents run on'));
      // So that whoever waits for this process can tell it from an end that was asked for.
      endBySignal();
    });
  }

  /** Ends a supervisor that could not start: one JSON line on stderr, and the exit code. */
  byFailure(error: unknown): never {
    this.#deadline.arm(BROKEN_MS_MAX);
    const known = nameFailure(error) ?? new FleetError('INTERNAL', (error as Error).stack ?? String(error));
    attempt(() => writeLastWords(`${JSON.stringify({ error: known.toDocument() })}\n`));
    exitNow(known.exitCode);
  }

  /** Ends a supervisor that was told to. A step that fails is told, and the others are taken all the same. */
  async orderly(code: number, steps: readonly Farewell[], log: Logger): Promise<never> {
    this.#deadline.arm(ORDERLY_MS_MAX);
    const problems: string[] = [];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
    attempt(() => log.info(problems.length > 0 ? { problems } : {}, 'stopped'));
    attempt(flushCompileCache);
    exitNow(code);
  }
}

/** What does not work on the way out is no reason to stay. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {}
}
