import { expect, test } from 'vitest';
import { kendallZ, theilSen } from '../../src/leak/slope.ts';

test('takes the slope of a line as it is, with an interval of no width', () => {
  const ticks = [0, 2, 4, 6, 8];
  const line = ticks.map((tick) => 100 + 3 * tick);
  expect(theilSen(ticks, line)).toEqual({ perTick: 3, low: 3, high: 3 });
});

test('one wild point moves neither the slope nor its sign', () => {
  const ticks = Array.from({ length: 15 }, (_, i) => i);
  const values = ticks.map((tick) => 10 * tick);
  values[14] = -100_000;
  const { perTick, low } = theilSen(ticks, values);
  expect(perTick).toBe(10);
  expect(low).toBeGreaterThan(-10_000);
});

test('counts ties as nothing, and a constant as no rise', () => {
  expect(kendallZ([5, 5, 5, 5])).toBe(0);
  // S = 45 of 10 points in order; its variance is 10·9·25/18 = 125: (45 − 1)/√125.
  expect(kendallZ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toBeCloseTo(44 / Math.sqrt(125), 6);
  expect(kendallZ([3, 2, 1])).toBeLessThan(0);
});
