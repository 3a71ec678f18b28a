import { expect, test } from 'vitest';
import { NO_STRACE } from '../scaling/strace.ts';
import { runInjections } from './inject/run.ts';

const SEED = Number(process.env.FLEET_CHAOS_SEED ?? Date.now() % 1_000_000);
/** `npm run chaos -- --inject` does many. */
const ROUNDS = 4;
const TIMEOUT_MS = 5 * 60_000;

test.skipIf(NO_STRACE !== null)(
  `a supervisor whose disk fails goes on or ends, and loses nothing, seed ${SEED}${NO_STRACE ? ` (${NO_STRACE})` : ''}`,
  { timeout: TIMEOUT_MS },
  async () => {
    const said: string[] = [];
    const { losses, accounts, looks } = await runInjections({
      agents: 10,
      portBase: 27_700,
      seed: SEED,
      patienceMs: 60_000,
      rounds: ROUNDS,
      durationMs: TIMEOUT_MS,
      say: (line) => said.push(line),
    });
    expect(losses, said.join('\n')).toEqual([]);
    expect([...accounts.values()].reduce((sum, { rounds }) => sum + rounds, 0)).toBe(ROUNDS);
    expect(looks).toBeGreaterThan(0);
  },
);
