import { expect, test } from 'vitest';
import { isStorm, StormWindow, shareOf } from '../../src/fleet/storm.ts';

test('counts each slot once, by its latest failure', () => {
  const storm = new StormWindow();
  storm.add(1, 0);
  storm.add(2, 100);
  storm.add(1, 900);
  expect(storm.count(1_000, 999)).toBe(2);
  expect(storm.latest()).toBe(1);
  expect(storm.count(1_000, 1_100)).toBe(1);
  expect(storm.count(1_000, 1_899)).toBe(1);
  expect(storm.count(1_000, 1_900)).toBe(0);
  expect(storm.latest()).toBeUndefined();
});

test('forgets everything when it is cleared', () => {
  const storm = new StormWindow();
  storm.add(1, 0);
  storm.clear();
  expect(storm.count(1_000, 0)).toBe(0);
});

test.each([
  // More than the share, not just the share.
  [3, { percent: 10 }, 30, false],
  [4, { percent: 10 }, 30, true],
  [300, { percent: 10 }, 3_000, false],
  [301, { percent: 10 }, 3_000, true],
  [5, { count: 5 }, 1_000, false],
  [6, { count: 5 }, 1_000, true],
  // At least 3 slots, or the whole fleet.
  [2, { percent: 10 }, 10, false],
  [3, { percent: 10 }, 10, true],
  [1, { percent: 10 }, 2, false],
  [1, { percent: 10 }, 1, true],
  [2, { percent: 10 }, 2, true],
  [1, { count: 0 }, 2, false],
  [0, { percent: 0 }, 0, false],
  [10, { percent: 100 }, 10, false],
] as const)(
  '%s failing slots with storm.failures %j of %s make a storm: %s',
  (failing, share, target, is) => {
    expect(isStorm(failing, share, target)).toBe(is);
  },
);

test('takes a share as a count or as a percentage, not rounded', () => {
  expect(shareOf({ count: 7 }, 100)).toBe(7);
  expect(shareOf({ percent: 10 }, 15)).toBe(1.5);
});
