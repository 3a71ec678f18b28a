import { expect, test } from 'vitest';
import { chooseRecycled } from '../../src/fleet/recycle.ts';
import { recycleAgent } from '../../src/fleet/transitions.ts';
import { ImaginaryHost } from './driver.ts';

function readyFleet(count: number): ImaginaryHost {
  const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '1s' } });
  world.spawn(count);
  world.advance(120_000);
  return world;
}

const heavy = (...slots: number[]) => slots.map((slot) => ({ slot, rssBytes: 1_000 + slot }));
const slotsOf = (chosen: { slot: number }[]) => chosen.map(({ slot }) => slot);

test('takes the heaviest first, and no more than a batch', () => {
  const { fleet } = readyFleet(10);
  expect(slotsOf(chooseRecycled(heavy(1, 7, 3), fleet, { count: 2 }))).toEqual([7, 3]);
  expect(slotsOf(chooseRecycled(heavy(1, 7, 3), fleet, { percent: 10 }))).toEqual([7]);
  expect(slotsOf(chooseRecycled(heavy(1, 7, 3), fleet, { percent: 1 }))).toEqual([7]);
});

test('counts what is unready already, and what was chosen before', () => {
  const world = readyFleet(10);
  world.miss(0);
  expect(slotsOf(chooseRecycled(heavy(1, 7, 3), world.fleet, { count: 3 }))).toEqual([7, 3]);
  recycleAgent(world.fleet, 7, 'too large', world.now);
  expect(slotsOf(chooseRecycled(heavy(1, 7, 3), world.fleet, { count: 3 }))).toEqual([3]);
});

test('passes over what is not ready or not wanted', () => {
  const world = readyFleet(10);
  world.miss(7);
  world.killSlots([3]);
  expect(slotsOf(chooseRecycled(heavy(1, 7, 3), world.fleet, { count: 5 }))).toEqual([1]);
});

test('a recycled agent is replaced in the rounds, once', () => {
  const world = readyFleet(10);
  const before = world.pids;
  const from = world.now;
  for (const slot of [2, 4, 6]) recycleAgent(world.fleet, slot, '25M is above leak.agentLimit', world.now);
  world.advance(120_000);
  const replaced = Object.keys(before).filter((slot) => before[Number(slot)] !== world.pids[Number(slot)]);
  expect(replaced.map(Number)).toEqual([2, 4, 6]);
  expect(world.steps('start', from)).toHaveLength(3);
  expect(world.steps('stop', from)[0]?.reason).toBe('25M is above leak.agentLimit');
  // Two a round: the third waits for the pause.
  expect(world.startTimes(from).at(-1)).toBeGreaterThanOrEqual(1_000);
});
