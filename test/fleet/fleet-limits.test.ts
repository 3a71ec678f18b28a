import { expect, test } from 'vitest';
import { ImaginaryHost } from './driver.ts';
import { type Nature, WELL_BEHAVED } from './natures.ts';

const LIMIT: Nature = { ...WELL_BEHAVED, start: 'hits a limit' };

test('waits longer after each start that a limit of the host stops, up to 30 s, and tries one at a time', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 5, delay: '0s' } });
  world.nature = LIMIT;
  world.spawn(20);
  const from = world.now;
  world.advance(95_000);
  // The first batch was under way when the first of it hit the limit.
  const seconds = (n: number) => n * 1_000;
  expect(world.startTimes(from)).toEqual([0, 0, 0, 0, 0, ...[1, 3, 7, 15, 31, 61, 91].map(seconds)]);
  expect(world.fleet.blocked).toMatchObject({ message: 'no more processes', attempts: 8 });
});

test('goes on in rounds as soon as a start works again', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 5, delay: '1s' } });
  world.nature = LIMIT;
  world.spawn(20);
  world.advance(20_000);
  world.nature = WELL_BEHAVED;
  world.advance(60_000);
  expect(world.fleet.blocked).toBe(null);
  expect(world.fleet.counts.ready).toBe(20);
});

test('counts a limit of the host neither as a failure of the slot nor towards a storm', () => {
  const world = new ImaginaryHost();
  world.nature = LIMIT;
  world.spawn(20);
  world.advance(600_000);
  expect(world.fleet.hold).toBe(null);
  expect([...world.fleet.slots.values()].filter(({ failures, restarts }) => failures + restarts > 0)).toEqual(
    [],
  );
});

test('stops and vacates while a limit is in the way', () => {
  const world = new ImaginaryHost();
  world.natures.set(3, LIMIT);
  world.spawn(4);
  world.advance(10_000);
  world.kill(2);
  world.advance(10_000);
  expect(world.states).toBe('ready ready');
  expect(world.processes.size).toBe(2);
});

test('stops no agent for a restart while a limit is in the way, but one to try with', () => {
  const world = new ImaginaryHost();
  world.spawn(10);
  world.advance(60_000);
  world.nature = LIMIT;
  world.crash(0);
  world.advance(100);
  world.restart();
  world.advance(600_000);
  expect(world.fleet.counts.ready).toBeGreaterThanOrEqual(8);
});

test('waits without spinning while a limit and a full round are in the way', () => {
  // The driver fails where something is due and nothing can be done.
  const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '0s' } });
  world.natures.set(0, { ...WELL_BEHAVED, readyMs: 20_000 });
  world.spawn(3);
  world.settle();
  world.crash(1);
  world.natures.set(1, LIMIT);
  world.natures.set(2, LIMIT);
  world.advance(10_000);
  world.natures.clear();
  world.advance(60_000);
  expect(world.states).toBe('ready ready ready');
});

test('tries a changed spec at once', () => {
  const world = new ImaginaryHost();
  world.nature = LIMIT;
  world.spawn(3);
  world.advance(16_000);
  world.nature = WELL_BEHAVED;
  world.spawn(3, { document: { rounds: { parallel: 10 } } });
  world.advance(1_000);
  expect(world.states).toBe('ready ready ready');
});
