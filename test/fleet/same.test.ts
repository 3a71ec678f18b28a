import { expect, test } from 'vitest';
import { isSame } from '../../src/fleet/same.ts';

test.each([
  [{ a: 1, b: { c: 2, d: [1, 2] } }, { b: { d: [1, 2], c: 2 }, a: 1 }, true],
  [{ a: [1, 2] }, { a: [2, 1] }, false],
  [{ a: null }, { a: 0 }, false],
  [[{ a: 1, b: 2 }], [{ b: 2, a: 1 }], true],
  [null, null, true],
])('%j and %j are the same: %s', (a, b, same) => {
  expect(isSame(a, b)).toBe(same);
});
