import { expect, test } from 'vitest';
import { FAULTS } from './faults/index.ts';
import { runChaos } from './run.ts';

const SEED = Number(process.env.FLEET_CHAOS_SEED ?? Date.now() % 1_000_000);
/** `npm run chaos` does this to three hundred agents for minutes. */
const AGENTS = 40;
const DURATION_MS = 25_000;
const TIMEOUT_MS = 5 * 60_000;

test(`forty agents and their supervisor lose nothing, seed ${SEED}`, { timeout: TIMEOUT_MS }, async () => {
  const said: string[] = [];
  const { losses, ledger, looks } = await runChaos({
    agents: AGENTS,
    portBase: 27_900,
    seed: SEED,
    patienceMs: 60_000,
    faults: FAULTS,
    durationMs: DURATION_MS,
    say: (line) => said.push(line),
  });
  expect(losses, said.join('\n')).toEqual([]);
  expect(ledger.total.tried).toBeGreaterThan(0);
  // Not all that was tried: one whose supervisor is killed before it could tell is no loss. Any other untold one is.
  expect(ledger.total.told).toBeGreaterThan(0);
  expect(looks).toBeGreaterThan(0);
});
