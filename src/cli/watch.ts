import type { Accepted } from '../api/accepted.ts';
import type { ReloadDocument } from '../api/reload.ts';
import type { WatchLine } from '../api/watch.ts';
import { type ErrorDocument, errorFromDocument } from '../errors/fleet-error.ts';
import { isAway } from './client.ts';
import type { Context } from './context.ts';
import { formatCount } from './format.ts';
import { durationMs } from './numbers.ts';
import { documentOf, errorStream, printError, printMessage } from './output.ts';
import type { Progress, ProgressLine } from './progress.ts';
import { progressOn } from './progress.ts';
import { PATIENCE, reconnecting } from './reconnect.ts';
import { sampleLines } from './sample-lines.ts';

/** How a watch ended; `error` is set if it failed for a known cause. */
export interface Outcome {
  exitCode: number;
  message: string;
  counts: ProgressLine['counts'] | null;
  error: ErrorDocument | null;
  /** The watching ended, and not the work. */
  isStopped?: true;
  /** The output of an agent that failed, if that is why. */
  sample: string | null;
  /** What has become of a reload, once that is over. */
  reload?: ReloadDocument;
}

export interface WatchOptions {
  /** Opens the stream of the goal, again after each break. */
  open: (signal: AbortSignal) => AsyncIterable<WatchLine>;
  progress: Progress;
  patience: { awayMsMax: number; pauseMs: number };
  /** Stops watching after this time; absent: never. */
  timeoutMs?: number | undefined;
  /** Aborted when the user stops watching. */
  interrupted: AbortSignal;
}

/** The maximum of Node's timers; a longer one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
export const INTERRUPTED_EXIT_CODE = 128 + 2;
/** The minimum absence that is worth a notice to the user. */
const AWAY_NOTICE_MS = 1000;

/** What a command did to a fleet: its exit code, and its document for --json. */
export interface Done {
  exitCode: number;
  document: object | null;
}

/**
 * Submits a request and follows the accepted work to its end. All commands that wait use this.
 * @param show creates the display of the progress
 * @returns the outcome, which is reported already, unless as JSON
 */
export async function follow(
  context: Context,
  request: () => Promise<Accepted>,
  show = ({ goal }: Accepted): Progress => progressOn(errorStream(), goal.kind),
): Promise<Done> {
  const { json } = context;
  const timeoutMs = timeoutOf(context);
  const accepted = await request();
  for (const note of accepted.notes) printMessage(`note: ${note}`);
  const outcome = await interruptible((interrupted) =>
    watch({ ...watching(context, accepted), progress: show(accepted), timeoutMs, interrupted }),
  );
  if (!json) reportOutcome(outcome);
  return { exitCode: outcome.exitCode, document: outcomeDocument(accepted, outcome) };
}

/** The time after which watching stops; undefined: never. @throws FleetError USAGE */
export function timeoutOf({ options }: Context): number | undefined {
  return options.timeout === undefined ? undefined : durationMs(options.timeout, '--timeout');
}

/** How to watch accepted work. */
export function watching(
  { client }: Context,
  { fleet, goal }: Accepted,
): Pick<WatchOptions, 'open' | 'patience'> {
  return {
    open: (signal) => client.lines('watch', { fleet, goal }, { signal, silenceMsMax: PATIENCE.awayMsMax }),
    patience: PATIENCE,
  };
}

/** Does something that the user may stop with Ctrl-C. */
export async function interruptible<T>(work: (interrupted: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.once('SIGINT', interrupt);
  try {
    return await work(interruption.signal);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Reads the stream of a goal to its end, a timeout or an interruption; survives absences of the supervisor. */
export async function watch(options: WatchOptions): Promise<Outcome> {
  const { open, progress, patience, timeoutMs, interrupted } = options;
  const timeout = new AbortController();
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => timeout.abort(), Math.min(timeoutMs, TIMER_MS_MAX));
  const signal = AbortSignal.any([interrupted, timeout.signal]);
  let latest: ProgressLine | null = null;
  const counts = (): Outcome['counts'] => latest?.counts ?? null;
  try {
    for await (const line of reconnecting(() => open(signal), {
      ...patience,
      signal,
      onAway: noticeOfAway(progress),
    })) {
      if (line.kind === 'end') {
        progress.finish();
        const { exitCode, message, sample = null, reload } = line;
        const known = { exitCode, message, counts: counts(), error: errorOf(line), sample };
        return { ...known, ...(reload && { reload }) };
      }
      latest = line;
      progress.update(line);
    }
    throw new Error('a reconnecting stream has no end of its own');
  } catch (error) {
    progress.finish();
    if (interrupted.aborted) return stopped(INTERRUPTED_EXIT_CODE, 'Stopped watching', latest);
    if (timeout.signal.aborted) return stopped(4, 'Timed out: stopped watching', latest);
    if (!isAway(error)) throw error;
    const document = documentOf(error);
    return {
      exitCode: document.exitCode,
      message: document.message,
      counts: counts(),
      error: document,
      sample: null,
    };
  } finally {
    clearTimeout(timer);
  }
}

function stopped(exitCode: number, what: string, latest: ProgressLine | null): Outcome {
  const where = latest ? ` at ${formatCount(latest.done)} of ${formatCount(latest.of)}` : '';
  const message = `${what}${where}. The work continues in the supervisor; fleetctl status shows it.`;
  return { exitCode, message, counts: latest?.counts ?? null, error: null, sample: null, isStopped: true };
}

function noticeOfAway(progress: Progress): (awayMs: number) => void {
  let isReported = false;
  return (awayMs) => {
    if (awayMs < AWAY_NOTICE_MS) isReported = false;
    else if (!isReported) {
      isReported = true;
      progress.note('The supervisor is away; waiting for it.');
    }
  };
}

/** The cause that the end of a watch names, as an error document. */
function errorOf({ exitCode, message, error }: Extract<WatchLine, { kind: 'end' }>): ErrorDocument | null {
  if (!error) return null;
  const cause = errorFromDocument({ ...error, message, exitCode, retryable: false });
  return { ...cause.toDocument(), exitCode };
}

/** The outcome of a command as a JSON document. */
export function outcomeDocument({ fleet, target, goal }: Accepted, outcome: Outcome): object {
  const { exitCode, message, counts, error, sample, reload } = outcome;
  const { name: _name, target: _target, ...rest } = counts ?? {};
  const why = { ...(error && { error }), ...(sample !== null && { sample }) };
  // It is about these agents and not about the state of the fleet, some of whose keys have the same names.
  if (goal.kind === 'reloaded') return { fleet, exitCode, message, ...reload, ...why };
  return { fleet, target, exitCode, message, ...rest, ...why };
}

/** Reports the outcome of a command as text. */
export function reportOutcome({ error, message, sample }: Outcome): void {
  if (error) printError(error);
  else printMessage(message);
  for (const line of sampleLines(sample)) printMessage(line);
}
