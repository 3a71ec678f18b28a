import { afterEach, beforeEach, describe, test } from 'vitest';
import { World } from '../e2e/harness.ts';
import { killSupervisorAgainAndAgain } from './crashes.ts';

const TIMEOUT_MS = 30 * 60_000;
const SEEDS = process.env.FLEET_TEST_SEEDS?.split(',').map(Number) ?? [2, 3];

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

describe.each(SEEDS)('seed %i', (seed) => {
  test(
    'keeps the count exact and the pids over 100 kills of the supervisor',
    async () => {
      await world.ok(
        'spawn',
        '30',
        '--name',
        'web',
        '--parallel',
        '10',
        '--round-delay',
        '20ms',
        '--ready',
        'after:10ms',
        '--',
        'sleep',
        '1000',
      );
      await killSupervisorAgainAndAgain(world, { seed, times: 100, max: 60, windowMs: 1_200 });
    },
    TIMEOUT_MS,
  );
});
