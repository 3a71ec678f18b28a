import { flushCompileCache } from 'node:module';
import type { Logger } from 'pino';
import { FleetError } from '../errors/fleet-error.ts';
import { nameFailure } from '../host/facts/explain.ts';
import { Deadline, endBySignal, exitNow, writeLastWords } from '../host/process/deadline.ts';
import { IS_INIT } from '../host/sys/init.ts';

/** The maximum duration of the end of a supervisor that cannot continue. */
const BROKEN_MS_MAX = 1_000;
/** The maximum duration of an orderly end, after agents have been stopped: closing sockets, threads and files. */
const ORDERLY_MS_MAX = 10_000;

/** One step of an orderly end. */
export type Farewell = () => void | Promise<void>;

/**
 * The one way out. Agents continue, and the next supervisor finds them, so it is always safe to end, and never safe to
 * stay while holding the lock: whatever the disk answers, or if it does not answer at all, the kernel ends this process
 * when its time is over. Arming that is the first act, and nothing after it can fail.
 */
export class Shutdown {
  readonly #deadline = new Deadline();

  /** From now on a defect is logged, once, and ends the supervisor. */
  catchDefects(log: Logger): void {
    // An unhandled rejection arrives here as well (process.on, 'uncaughtException').
    process.on('uncaughtException', (error) => {
      this.#deadline.arm(BROKEN_MS_MAX);
      attempt(() =>
        log.fatal(
          { err: error },
          IS_INIT
            ? 'a defect: PID 1 ends, and so do all agents'
            : 'a defect: the supervisor ends, agents continue',
        ),
      );
      // So that the parent process can distinguish it from a requested end.
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

  /** Ends a supervisor on request. A step that fails is logged, and the others are taken nevertheless. */
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

/** A failure on the way out does not keep the supervisor running. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {}
}
