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

/**
 * Repeats some work at an interval, first after one interval, until the signal aborts. If it is still under way when its
 * time comes, that time is skipped.
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
  const timer = setInterval(async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      await work();
    } catch (error) {
      onProblem(error as Error);
    }
    isBusy = false;
  }, ms);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
