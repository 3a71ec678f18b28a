/** The maximum time for which the loop is blocked, in milliseconds. */
export const SLICE_MS = 10;

/** Repeats some work, and lets the loop continue after every slice. */
export async function inSlices(count: number, work: () => void): Promise<void> {
  let begun = performance.now();
  for (let i = 0; i < count; i++) {
    work();
    if (performance.now() - begun < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    begun = performance.now();
  }
}
