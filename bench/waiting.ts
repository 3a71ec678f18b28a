import { setTimeout as sleep } from 'node:timers/promises';

/** Looking takes time from those who are watched on a small machine, so it is not done all the time. */
const LOOK_MS = 20;

/**
 * Looks until a condition holds.
 * @param what names what is waited for
 * @returns the seconds it took
 * @throws after `timeoutMs`
 */
export async function untilTrue(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  what: () => string,
): Promise<number> {
  const begun = performance.now();
  while (!(await condition())) {
    if (performance.now() - begun > timeoutMs)
      throw new Error(`not within ${timeoutMs / 1_000} s: ${what()}`);
    await sleep(LOOK_MS);
  }
  return (performance.now() - begun) / 1_000;
}
