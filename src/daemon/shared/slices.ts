/** The loop is held up for no longer at a time, in milliseconds. */
export const SLICE_MS = 10;

/** Does something a number of times, and lets the loop go on after every slice. */
export async function inSlices(count: number, work: () => void): Promise<void> {
  let begun = performance.now();
  for (let i = 0; i < count; i++) {
    work();
    if (performance.now() - begun < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    begun = performance.now();
  }
}
