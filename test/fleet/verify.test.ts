import { expect, test } from 'vitest';
import { type CountAnswer, judgeVerified, type VerifyResult } from '../../src/fleet/verify.ts';

/** Judges one look after the other at a fleet of 100, of which 95 % must be counted. */
function judge(looks: (number | string)[]): VerifyResult {
  let state: VerifyResult | null = null;
  for (const look of looks) {
    const found: CountAnswer = typeof look === 'number' ? { counted: look } : { error: look };
    state = judgeVerified(state, found, 100, 95);
  }
  return state!;
}

test('the share that is asked for is enough', () => {
  expect(judge([95, 95, 95, 95])).toEqual({
    counted: 95,
    running: 100,
    isDegraded: false,
    reason: null,
    against: 0,
  });
});

test('is degraded after three looks in a row below it, with both numbers', () => {
  expect(judge([94, 94]).isDegraded).toBe(false);
  expect(judge([94, 94, 100, 94, 94]).isDegraded).toBe(false);
  expect(judge([94, 94, 94])).toMatchObject({
    isDegraded: true,
    reason: '94 counted of 100 ready, below 95 %',
  });
});

test('ends after three looks in a row above it', () => {
  expect(judge([0, 0, 0, 100, 100]).isDegraded).toBe(true);
  expect(judge([0, 0, 0, 100, 100, 50, 100, 100]).isDegraded).toBe(true);
  expect(judge([0, 0, 0, 100, 100, 100])).toMatchObject({ isDegraded: false, reason: null });
});

test('a source that cannot be read proves nothing either way', () => {
  expect(judge(['refused', 'refused', 'refused', 'refused'])).toMatchObject({
    counted: null,
    isDegraded: false,
    reason: 'refused',
  });
  expect(judge([0, 0, 0, 'refused'])).toMatchObject({ counted: null, isDegraded: true });
  expect(judge([0, 0, 'refused', 0]).isDegraded).toBe(true);
});

test('nothing has to be counted of a fleet without agents', () => {
  expect(judgeVerified(null, { counted: 0 }, 0, 95)).toMatchObject({ isDegraded: false, reason: null });
});
