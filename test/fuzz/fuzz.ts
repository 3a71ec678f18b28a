import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomOf } from '../long/crashes.ts';
import { mutate } from './mutate.ts';

/** How many inputs each parser gets: few in an ordinary run, 100,000 with `npm run fuzz`. */
export const RUNS = Number(process.env.FLEET_FUZZ_RUNS ?? 500);
/** Where chance begins. A failure names the input itself, so this is for going over the same ground again. */
export const SEED = Number(process.env.FLEET_FUZZ_SEED ?? Date.now() % 1_000_000);
/** Long runs take their time; a parser that hangs is ended with the run. */
export const TIMEOUT_MS = 60_000 + RUNS * 5;

/**
 * Gives a parser the samples, and inputs made from them by damage at random: bits flipped, bytes put in, taken out and
 * repeated, pieces of other samples, an end too soon. What has once broken a parser becomes one of its samples.
 * @param judge throws where the parser does anything else than it may
 */
export async function fuzz(
  samples: readonly (Buffer | string)[],
  judge: (input: Buffer) => void | Promise<void>,
): Promise<void> {
  const random = randomOf(SEED);
  const seeds = samples.map((sample) => Buffer.from(sample));
  for (let run = 0; run < seeds.length + RUNS; run++) {
    const input = seeds[run] ?? mutate(seeds, random);
    try {
      await judge(input);
    } catch (cause) {
      const shown =
        input.length > 2_000 ? `${input.length} bytes, seed ${SEED}, run ${run}` : input.toString('base64');
      throw new Error(`of this input (base64): ${shown}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** Runs `use` with a directory of its own, in memory where that can be had, and takes it away again. */
export async function withDirectory(use: (path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'fleetd-fuzz-'));
  try {
    await use(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}
