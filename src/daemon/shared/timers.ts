/** setTimeout takes no more (a signed 32-bit integer). */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** Does something once after a time in milliseconds, unless the signal aborts before. */
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
 * Does something again and again, from one period on, until the signal aborts. Where it is still under way when its time
 * comes again, that time is left out.
 * @param onProblem called with what it fails of; it is done again all the same
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
