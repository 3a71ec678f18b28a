import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { World } from '../e2e/harness.ts';
import { ask, watchPorts } from '../e2e/rollouts.ts';
import { killSupervisorDuringRollouts } from './rollouts.ts';

const HOUR_MS = 3_600_000;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose(), HOUR_MS);

test(
  'a supervisor that is killed at 100 moments of rollouts leaves no agent on a third state',
  async () => {
    await killSupervisorDuringRollouts(world, { seed: 1, times: 100, portBase: 26_400 });
  },
  HOUR_MS,
);

describe.runIf(existsSync('/usr/bin/redis-server'))('1,000 redis-servers', () => {
  const COUNT = 1_000;
  const BATCH = 100;
  const redis = (level: string) =>
    world.write(
      `redis-${level}.json`,
      JSON.stringify({
        name: 'redis',
        command: [
          'redis-server',
          '--port',
          '{port}',
          '--dir',
          '{dir}',
          '--appendonly',
          'yes',
          '--loglevel',
          level,
        ],
        ports: { base: 17_000, protocol: 'tcp' },
        rounds: { parallel: 50, delay: '0s' },
        update: { batch: BATCH, wait: '3s' },
      }),
    );

  test(
    'go to another configuration, a batch at a time, with all their data',
    async () => {
      await world.ok('spawn', String(COUNT), '-f', redis('notice'));
      const before = await world.ps();
      const ports = before.map(({ port }) => port!);
      for (const port of ports) expect(await ask(port, `SET key value-${port}`)).toBe('+OK');
      const watch = watchPorts(ports);
      await world.ok('rolling-update', '-f', redis('warning'));
      expect(await watch.stop()).toBeLessThanOrEqual(BATCH);
      for (const port of ports) expect(await ask(port, 'GET key')).toContain(`value-${port}`);
      const old = new Set(before.map(({ pid }) => pid));
      expect((await world.ps()).filter(({ pid }) => old.has(pid))).toEqual([]);
    },
    HOUR_MS,
  );
});
