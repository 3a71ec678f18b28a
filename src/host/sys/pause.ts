const NEVER = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Lets the whole thread wait, where there is nothing else that it could do meanwhile. */
export function pause(ms: number): void {
  Atomics.wait(NEVER, 0, 0, ms);
}
