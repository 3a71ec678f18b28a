import { expect, test } from 'vitest';
import { nextDue } from '../../src/fleet/time.ts';
import { ImaginaryHost } from './driver.ts';
import { WELL_BEHAVED } from './natures.ts';

const ROUNDS = { rounds: { parallel: 3, delay: '10s' } };

test('starts no more than `parallel` at once, and the next round when those are ready and the delay is over', () => {
  const world = new ImaginaryHost(ROUNDS);
  world.nature = { ...WELL_BEHAVED, readyMs: 1_000 };
  world.spawn(7);
  const from = world.now;
  world.advance(60_000);
  expect(world.startTimes(from)).toEqual([0, 0, 0, 11_000, 11_000, 11_000, 22_000]);
  expect(world.fleet.counts.ready).toBe(7);
});

test('waits for the slowest of a round', () => {
  const world = new ImaginaryHost(ROUNDS);
  world.natures.set(1, { ...WELL_BEHAVED, readyMs: 20_000 });
  world.spawn(4);
  const from = world.now;
  world.advance(60_000);
  expect(world.startTimes(from)).toEqual([0, 0, 0, 30_000]);
});

test('counts what failed as done: it holds up the round no longer', () => {
  const world = new ImaginaryHost(ROUNDS);
  world.natures.set(1, { ...WELL_BEHAVED, readyMs: null, crashMs: 500 });
  world.natures.set(2, { ...WELL_BEHAVED, start: 'cannot be executed' });
  world.spawn(4);
  const from = world.now;
  world.advance(12_000);
  expect(world.steps('start', from).filter(({ slot }) => slot === 3)).toMatchObject([{ at: from + 10_500 }]);
});

test('lets what never gets ready hold up a round no longer than its timeout, however slowly it stops', () => {
  const world = new ImaginaryHost({ ...ROUNDS, ready: { after: '1s', timeout: '5s' } });
  world.natures.set(0, { ...WELL_BEHAVED, readyMs: null, stopMs: null });
  world.spawn(4);
  const from = world.now;
  world.advance(20_000);
  expect(world.startTimes(from)).toEqual([0, 0, 0, 15_000]);
});

test('starts a large round whole, although one pass starts but a part of it', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 500 } });
  world.spawn(100);
  world.settle();
  expect(world.fleet.counts.starting).toBe(100);
});

test('starts nothing when told the same twice', () => {
  const world = new ImaginaryHost();
  world.spawn(10);
  world.advance(60_000);
  const from = world.now;
  world.spawn(10);
  world.advance(60_000);
  expect(world.done.filter(({ at }) => at >= from)).toEqual([]);
});

test('wakes up for nothing when all is ready', () => {
  const world = new ImaginaryHost(ROUNDS);
  world.spawn(7);
  world.advance(60_000);
  world.crash(3);
  world.advance(1_000);
  expect(nextDue(world.fleet, world.now)).toBe(null);
});

test('lets crashes, restarts and new slots share the rounds', () => {
  const world = new ImaginaryHost({ ...ROUNDS, restart: { storm: 'off' } });
  world.spawn(9);
  world.advance(120_000);
  const from = world.now;
  for (const slot of [0, 1, 2]) world.crash(slot);
  world.restart([3, 4, 5]);
  world.spawn(12);
  world.advance(120_000);
  const times = world.startTimes(from);
  expect(times).toHaveLength(9);
  // Each round takes three, whatever they are: those that are restarted are stopped first.
  const rounds = [0, 3, 6].map((first) => times.slice(first, first + 3));
  for (const round of rounds) expect(round[2]! - round[0]!).toBeLessThan(100);
  expect(rounds[1]![0]! - rounds[0]![2]!).toBeGreaterThanOrEqual(10_000);
  expect(rounds[2]![0]! - rounds[1]![2]!).toBeGreaterThanOrEqual(10_000);
  expect(world.fleet.counts.ready).toBe(12);
});

test('brings a fleet that died at once back in rounds', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 10, delay: '1s' } });
  world.spawn(100);
  world.advance(60_000);
  const from = world.now;
  for (let slot = 0; slot < 100; slot++) world.crash(slot);
  world.advance(60_000);
  const perTime = Map.groupBy(world.startTimes(from), (at) => at);
  expect([...perTime.values()].map((times) => times.length)).toEqual(Array(10).fill(10));
});

test('stops no more agents for a restart than the round can start again', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '1s' } });
  world.nature = { ...WELL_BEHAVED, stopMs: 2_000, readyMs: 1_000 };
  world.spawn(10);
  world.advance(60_000);
  world.restart();
  for (let i = 0; i < 300; i++) {
    world.advance(100);
    expect(world.fleet.counts.ready).toBeGreaterThanOrEqual(8);
  }
  expect(world.steps('stop')).toHaveLength(10);
  expect(world.states).toBe(Array(10).fill('ready').join(' '));
});

test('applies a changed `parallel` and delay to the next round', () => {
  const world = new ImaginaryHost(ROUNDS);
  world.spawn(8);
  world.settle();
  world.spawn(8, { document: { rounds: { parallel: 4, delay: '1s' } } });
  const from = world.now;
  world.advance(5_000);
  // The open round takes one more at once.
  expect(world.startTimes(from)).toEqual([0, 0, 0, 0, 1_100, 1_100, 1_100, 1_100]);
});
