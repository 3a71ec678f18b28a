import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toTarget } from '../../src/fleet/target.ts';

test('fills the lowest free slots first, holes before the end', () => {
  expect(toTarget(new Set([0, 1, 4, 6]), 8)).toEqual({ add: [2, 3, 5, 7], remove: [] });
});

test('gives up the highest slots first', () => {
  expect(toTarget(new Set([0, 4, 1, 6]), 2)).toEqual({ add: [], remove: [6, 4] });
});

test('changes nothing where the target is what is wanted', () => {
  expect(toTarget(new Set([3, 5]), 2)).toEqual({ add: [], remove: [] });
  expect(toTarget(new Set(), 0)).toEqual({ add: [], remove: [] });
});

test('comes to exactly the target from any slots', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), fc.nat(60), (slots, target) => {
      const wanted = new Set(slots);
      const { add, remove } = toTarget(wanted, target);
      for (const slot of add) expect(wanted.has(slot)).toBe(false);
      for (const slot of remove) expect(wanted.delete(slot)).toBe(true);
      expect(new Set([...wanted, ...add]).size).toBe(target);
    }),
  );
});
