import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Where fsync costs nothing: what survives it is judged from the record of calls, not by this file system. */
const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A directory in memory for the test that runs, gone after it. */
export function inMemory(): string {
  const path = mkdtempSync(join(FAST, 'power-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** So many bytes lie between two places that are damaged; odd, so that all kinds of places are hit. */
export const STRIDE_BYTES = process.env.FLEET_TEST_LONG ? 23 : 331;

/** Says what a long test has tried. */
export function tell(text: string): void {
  if (process.env.FLEET_TEST_LONG) process.stdout.write(`${text}\n`);
}
