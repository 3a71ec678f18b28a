import { expect, test } from 'vitest';
import { judgePressure } from '../../src/fleet/pressure.ts';
import { ImaginaryHost } from './driver.ts';

const GIB = 1024 ** 3;
const memory = (availablePercent: number, pressurePercent: number | null = 0) => ({
  totalBytes: 100 * GIB,
  availableBytes: availablePercent * GIB,
  pressurePercent,
});

test('begins below the limit, and not at it', () => {
  expect(judgePressure(null, memory(20), 20, 7)).toBeNull();
  expect(judgePressure(null, memory(19.9), 20, 7)).toEqual({
    reason: '19.9 % of memory is available, but pressure.available is 20 %',
    since: 7,
  });
});

test('ends only a tenth above the limit, and keeps the time that it began', () => {
  const before = judgePressure(null, memory(10), 20, 7);
  expect(judgePressure(before, memory(21.9), 20, 9)).toMatchObject({ since: 7 });
  expect(judgePressure(before, memory(22), 20, 9)).toBeNull();
});

test('can end where all memory must be available', () => {
  const before = judgePressure(null, memory(99), 100, 7);
  expect(before).not.toBeNull();
  expect(judgePressure(before, memory(100), 100, 8)).toBeNull();
});

test('tasks that wait for memory are pressure too, where the kernel tells', () => {
  expect(judgePressure(null, memory(50, 24), 20, 7)).toBeNull();
  const before = judgePressure(null, memory(50, 25), 20, 7);
  expect(before?.reason).toBe('tasks waited for memory during 25 % of the last 10 s');
  expect(judgePressure(before, memory(50, 10), 20, 8)).not.toBeNull();
  expect(judgePressure(before, memory(50, 9.9), 20, 8)).toBeNull();
  expect(judgePressure(before, memory(50, null), 20, 8)).toBeNull();
});

test('nothing starts while memory is short, whatever would start it, and all of it after', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 5, delay: '0s' }, target: 10 });
  world.spawn(10);
  world.advance(60_000);
  const begun = world.now;
  world.fleet.pressure = { reason: 'short', since: begun };
  world.crash(0);
  world.spawn(12);
  world.restart([1, 2]);
  world.advance(60_000);
  expect(world.startTimes(begun)).toEqual([]);
  expect(world.steps('stop', begun)).toEqual([]);
  expect(world.fleet.counts.ready).toBe(9);
  world.fleet.pressure = null;
  world.advance(60_000);
  expect(world.fleet.counts.ready).toBe(12);
  expect(world.steps('start', begun)).toHaveLength(5);
});

test('what must go goes while memory is short', () => {
  const world = new ImaginaryHost();
  world.spawn(5);
  world.advance(60_000);
  world.fleet.pressure = { reason: 'short', since: world.now };
  world.kill(3);
  world.advance(60_000);
  expect(world.states).toBe('ready ready');
});

test('the storm breaker’s probe waits too, and its hold ends all the same when everything is ready', () => {
  const world = new ImaginaryHost();
  world.spawn(4);
  world.advance(60_000);
  world.hold('storm');
  world.fleet.pressure = { reason: 'short', since: world.now };
  world.advance(600_000);
  expect(world.fleet.hold).toBeNull();
});
