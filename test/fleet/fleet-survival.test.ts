import { expect, test } from 'vitest';
import { ImaginaryHost } from './driver.ts';
import { WELL_BEHAVED } from './natures.ts';

test('does nothing to a fleet at rest that it finds again', () => {
  const world = new ImaginaryHost();
  world.spawn(10);
  world.advance(60_000);
  const { pids } = world;
  const from = world.now;
  world.replaceSupervisor();
  world.advance(3_600_000);
  expect(world.done.filter(({ at }) => at >= from)).toEqual([]);
  expect(world.pids).toEqual(pids);
});

test('goes on with a spawn, counting those it finds starting to the round', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 3, delay: '10s' } });
  world.nature = { ...WELL_BEHAVED, readyMs: 5_000 };
  world.spawn(7);
  world.advance(1_000);
  const { pids } = world;
  world.replaceSupervisor(500);
  const from = world.now;
  world.advance(60_000);
  expect(world.startTimes(from)).toEqual([13_500, 13_500, 13_500, 28_500]);
  expect(world.pids).toMatchObject(pids);
});

test('goes on with a kill', () => {
  const world = new ImaginaryHost({ stop: { parallel: 2 } });
  world.spawn(10);
  world.advance(60_000);
  world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
  world.kill(6);
  world.advance(1_500);
  world.replaceSupervisor(100);
  world.advance(60_000);
  expect([...world.fleet.slots.keys()]).toEqual([0, 1, 2, 3]);
  expect(world.states).toBe('ready ready ready ready');
  expect(world.processes.size).toBe(4);
});

test('goes on with a restart and does no part of it twice', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '1s' } });
  world.spawn(6);
  world.advance(60_000);
  world.nature = { ...WELL_BEHAVED, stopMs: 500, readyMs: 500 };
  world.restart();
  // In the middle: two are done, two are being stopped.
  world.advance(2_200);
  world.replaceSupervisor();
  world.advance(60_000);
  expect(world.states).toBe(Array(6).fill('ready').join(' '));
  expect(world.steps('start')).toHaveLength(12);
});

test('brings back in rounds what ended while no supervisor was there', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '1s' } });
  world.spawn(6);
  world.advance(60_000);
  for (let slot = 0; slot < 6; slot++) world.crash(slot);
  world.replaceSupervisor(1_000);
  const from = world.now;
  world.advance(60_000);
  expect(new Set(world.startTimes(from)).size).toBe(3);
  expect(world.states).toBe(Array(6).fill('ready').join(' '));
  expect(world.fleet.slot(0)).toMatchObject({
    restarts: 1,
    lastExit: { code: null, reason: 'ended while the supervisor was away' },
  });
});

test('gives an agent that it finds starting its whole timeout', () => {
  const world = new ImaginaryHost({ ready: { after: '1s', timeout: '10s' } });
  world.nature = { ...WELL_BEHAVED, readyMs: null };
  world.spawn(1);
  world.advance(9_000);
  world.replaceSupervisor();
  const from = world.now;
  world.advance(30_000);
  expect(world.steps('stop')[0]).toMatchObject({ at: from + 10_000, cause: 'not-ready' });
});

test('remembers how often a slot has failed', () => {
  const world = new ImaginaryHost({ restart: { storm: 'off' } });
  world.nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 10 };
  world.spawn(1);
  world.advance(30_000);
  const { failures, restarts } = world.fleet.slot(0);
  expect(failures).toBeGreaterThan(2);
  world.replaceSupervisor();
  expect(world.fleet.slot(0)).toMatchObject({ failures, restarts });
});

test('ends what is left of an agent before it starts the next one there', () => {
  const world = new ImaginaryHost();
  world.spawn(2);
  world.advance(60_000);
  // What the agent of slot 0 had forked is still there, and so is something in a slot that nobody wants.
  world.natures.set(0, { ...WELL_BEHAVED, forks: 1, restMs: null });
  world.natures.set(7, { ...WELL_BEHAVED, restMs: 100 });
  world.rests.set(7, { slot: 7, endsAt: Number.POSITIVE_INFINITY });
  world.crash(0);
  world.replaceSupervisor(100);
  const from = world.now;
  world.advance(30_000);
  expect(world.steps('terminate')).toMatchObject([{ slot: 0 }, { slot: 7 }]);
  expect(world.steps('kill')).toMatchObject([{ slot: 0, at: from + 5_000 }]);
  expect(world.startTimes(from)).toEqual([5_000]);
  expect([...world.fleet.slots.keys()]).toEqual([0, 1]);
});

test('prepares again a slot whose prepare was cut off', () => {
  const world = new ImaginaryHost({ prepare: ['init'] });
  world.spawn(1);
  world.settle();
  world.replaceSupervisor();
  world.advance(30_000);
  expect(world.steps('prepare')).toHaveLength(2);
  expect(world.states).toBe('ready');
});
