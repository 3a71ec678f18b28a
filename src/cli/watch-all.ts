import pLimit from 'p-limit';
import type { Accepted } from '../api/accepted.ts';
import type { Context } from './context.ts';
import { formatCount } from './format.ts';
import { errorStream, printError, printMessage } from './output.ts';
import { oneLine } from './plain.ts';
import { type Progress, type ProgressLine, progressOn } from './progress.ts';
import { worst } from './several.ts';
import {
  type Done,
  interruptible,
  type Outcome,
  outcomeDocument,
  timeoutOf,
  watch,
  watching,
} from './watch.ts';

/** The number of fleets that are watched at a time: a supervisor bounds its connections. The work does not wait. */
const AT_ONCE_MAX = 8;

/**
 * Follows the accepted work of several fleets to its end: one line shows all of them, and each has a line when it is
 * done.
 * @returns the outcome, which is reported already, unless as JSON
 */
export async function followAll(context: Context, accepted: readonly Accepted[]): Promise<Done> {
  const timeoutMs = timeoutOf(context);
  const deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  for (const { fleet, notes } of accepted) for (const note of notes) printMessage(`note: ${fleet}: ${note}`);
  const together = new Together(accepted);
  const limit = pLimit(AT_ONCE_MAX);
  const outcomes = await interruptible((interrupted) =>
    Promise.all(
      accepted.map((one) =>
        limit(async () => {
          const left = deadline === undefined ? undefined : Math.max(0, deadline - performance.now());
          const progress = together.progressOf(one);
          const outcome = await watch({ ...watching(context, one), progress, timeoutMs: left, interrupted });
          if (!context.json) together.ended(one, outcome);
          return outcome;
        }),
      ),
    ),
  );
  together.finish();
  if (!context.json) reportAll(outcomes);
  return {
    exitCode: worst(outcomes.map(({ exitCode }) => exitCode)),
    document: { fleets: accepted.map((one, i) => outcomeDocument(one, outcomes[i]!)) },
  };
}

/** The progress of several fleets in one line. */
class Together {
  readonly #latest: Map<string, { done: number; of: number }>;
  readonly #progress: Progress;
  #ended = 0;

  constructor(accepted: readonly Accepted[]) {
    this.#latest = new Map(accepted.map(({ fleet, target }) => [fleet, { done: 0, of: target }]));
    this.#progress = progressOn(errorStream(), ({ done, of }) => this.#describe(done, of));
  }

  progressOf({ fleet }: Accepted): Progress {
    return {
      update: (line) => this.#update(fleet, line),
      note: (text) => this.#progress.note(`${fleet}: ${text}`),
      finish: () => {},
    };
  }

  ended({ fleet }: Accepted, { error, message, isStopped }: Outcome): void {
    this.#ended++;
    if (isStopped) return;
    this.#progress.note(
      oneLine(error ? `${fleet}: ${error.code}: ${error.message}` : `${fleet}: ${message}`),
    );
  }

  finish(): void {
    this.#progress.finish();
  }

  #update(fleet: string, line: ProgressLine): void {
    this.#latest.set(fleet, line);
    const all = [...this.#latest.values()];
    const sum = (of: 'done' | 'of') => all.reduce((total, each) => total + each[of], 0);
    this.#progress.update({ ...line, done: sum('done'), of: sum('of') });
  }

  #describe(done: number, of: number): string {
    const fleets = `${formatCount(this.#ended)} of ${formatCount(this.#latest.size)} fleets done`;
    return `${fleets}, ${formatCount(done)} of ${formatCount(of)} agents ready`;
  }
}

function reportAll(outcomes: readonly Outcome[]): void {
  const good = outcomes.filter(({ exitCode }) => exitCode === 0).length;
  printMessage(`${formatCount(good)} of ${formatCount(outcomes.length)} fleets are as wanted.`);
  // The hint of the first stands for all: many fleets tend to fail for one reason.
  const failed = outcomes.find(({ error }) => error !== null)?.error;
  if (failed) printError(failed);
  if (outcomes.some(({ isStopped }) => isStopped))
    printMessage('Stopped watching. The work continues in the supervisor; fleetctl status shows it.');
}
