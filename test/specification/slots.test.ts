import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatSlots, highest, lowestFree, parseSlots, SLOT_MAX } from '../../src/specification/slots.ts';
import { refusal } from './refusal.ts';

test('reads ranges, sorted and each slot once', () => {
  expect(parseSlots('10-12,25, 3,11-13')).toEqual([3, 10, 11, 12, 13, 25]);
});

test.each(['', ',', 'a', '-1', '5-3', '1-', '1000000', '1.5', '1,,2', '0x1'])(
  'refuses the slots %j',
  (text) => {
    expect(refusal(() => parseSlots(text))).toContain('USAGE slots must be written like 10-19,25, found');
  },
);

test('walks overlapping ranges once', () => {
  expect(parseSlots(Array(10_000).fill(`0-${SLOT_MAX}`).join(','))).toHaveLength(SLOT_MAX + 1);
});

test('formats slots so that they are read as the same', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200), { minLength: 1 }), (slots) => {
      expect(parseSlots(formatSlots(slots))).toEqual(slots.toSorted((a, b) => a - b));
    }),
  );
  expect(formatSlots(new Set([20, 0, 1, 2, 4]))).toBe('0-2,4,20');
  expect(formatSlots([])).toBe('');
});

test('fills the lowest free slots first', () => {
  expect(lowestFree(new Set([0, 2, 3]), 3)).toEqual([1, 4, 5]);
  expect(lowestFree(new Set(), 0)).toEqual([]);
});

test('gives the highest slots first, and no more than there are', () => {
  expect(highest(new Set([1, 10, 9]), 2)).toEqual([10, 9]);
  expect(highest(new Set([1]), 5)).toEqual([1]);
  expect(highest(new Set([1]), 0)).toEqual([]);
});
