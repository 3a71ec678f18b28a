const NEVER = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Blocks the whole thread, for use when it has nothing else to do. */
export function pause(ms: number): void {
  Atomics.wait(NEVER, 0, 0, ms);
}
