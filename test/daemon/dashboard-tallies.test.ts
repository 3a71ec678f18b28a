import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { readTallies } from '../../src/daemon/dashboard/tallies.ts';
import { instruments } from '../../src/daemon/report/instruments.ts';

test('reads the exits of one fleet, the most frequent first, and each bucket for itself', async () => {
  const { counters } = instruments(new Registry());
  counters.exits.inc({ fleet: 'web', cause: 'code 1' });
  counters.exits.inc({ fleet: 'web', cause: 'SIGKILL' }, 3);
  counters.exits.inc({ fleet: 'other', cause: 'SIGTERM' }, 9);
  for (const seconds of [0.01, 0.07, 0.08, 1_000]) counters.ready.observe({ fleet: 'web' }, seconds);
  counters.ready.observe({ fleet: 'other' }, 2);
  const { exits, readySeconds } = await readTallies(counters, 'web');
  expect(exits).toEqual([
    { cause: 'SIGKILL', count: 3 },
    { cause: 'code 1', count: 1 },
  ]);
  expect(readySeconds.filter(({ count }) => count > 0)).toEqual([
    { atMost: 0.05, count: 1 },
    { atMost: 0.1, count: 2 },
    { atMost: null, count: 1 },
  ]);
});

test('knows of a fleet in which nothing has happened yet', async () => {
  expect(await readTallies(instruments(new Registry()).counters, 'web')).toEqual({
    exits: [],
    readySeconds: [],
  });
});
