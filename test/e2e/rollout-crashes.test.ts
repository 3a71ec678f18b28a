import { expect, test } from 'vitest';
import { killSupervisorDuringRollouts } from '../long/rollouts.ts';
import { World } from './harness.ts';

test('a supervisor that is killed during rollouts leaves no agent on a third state', async () => {
  const world = new World();
  try {
    await killSupervisorDuringRollouts(world, { seed: 5, times: 10, portBase: 26_300 });
  } finally {
    await world.dispose();
  }
  expect(world.processes()).toEqual([]);
}, 600_000);
