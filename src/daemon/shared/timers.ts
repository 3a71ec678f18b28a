/** The maximum delay of setTimeout (a signed 32-bit integer). */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** Does some work once, after a time in milliseconds, unless the signal aborts before. */
export function after(ms: number, signal: AbortSignal, work: () => void): void {
  if (signal.aborted) return;
  const cancel = () => clearTimeout(timer);
  const timer = setTimeout(
    () => {
      signal.removeEventListener('abort', cancel);
      work();
    },
    Math.min(ms, TIMER_MS_MAX),
  );
  signal.addEventListener('abort', cancel, { once: true });
}

/** What repeats in whole seconds does so at the same moments: an idle supervisor wakes up once a second, not for each. */
const BEAT_MS = 1_000;

/**
 * Repeats some work at an interval, first after about one interval, until the signal aborts. If it is still under way when
 * its time comes, that time is skipped.
 * @param ms the interval, at most 24 days (a longer one is cut); in whole seconds, it is shared with all others, and begins up to half a second early or late
 * @param onProblem called with its failures; it is repeated nevertheless
 */
export function every(
  ms: number,
  signal: AbortSignal,
  work: () => void | Promise<void>,
  onProblem: (error: Error) => void,
): void {
  if (signal.aborted) return;
  let isBusy = false;
  let timer: NodeJS.Timeout;
  const again = () => {
    timer = setTimeout(round, untilNext(ms));
  };
  const round = async () => {
    again();
    if (isBusy) return;
    isBusy = true;
    try {
      await work();
    } catch (error) {
      onProblem(error as Error);
    }
    isBusy = false;
  };
  again();
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

function untilNext(ms: number): number {
  if (ms % BEAT_MS !== 0) return Math.min(ms, TIMER_MS_MAX);
  const now = performance.now();
  return Math.min(Math.round((now + ms) / BEAT_MS) * BEAT_MS - now, TIMER_MS_MAX);
}
