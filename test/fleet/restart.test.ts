import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  backoffMs,
  describeExit,
  isFailedStart,
  judgeExit,
  SETTLE_MS,
  unitHash,
} from '../../src/fleet/restart.ts';
import { specOf } from './fleets.ts';

const BACKOFF = { minMs: 1_000, maxMs: 300_000 };
const OK = { code: 0, signal: null };
const FAILED = { code: 1, signal: null };
const KILLED = { code: null, signal: 'SIGKILL' };
const UNSEEN = { code: null, signal: null };

test('says how a process ended, or that nobody could see', () => {
  expect([OK, FAILED, KILLED, UNSEEN].map(describeExit)).toEqual([
    'exited 0',
    'exited 1',
    'killed by SIGKILL',
    'exit status unknown',
  ]);
});

test('counts an agent as failed to start until it has been ready for 10 s', () => {
  expect(isFailedStart(null, 1e9)).toBe(true);
  expect(isFailedStart(5_000, 5_000 + SETTLE_MS - 1)).toBe(true);
  expect(isFailedStart(5_000, 5_000 + SETTLE_MS)).toBe(false);
  expect(SETTLE_MS).toBe(10_000);
});

test.each([
  ['always', OK, true],
  ['always', FAILED, true],
  ['on-failure', OK, false],
  ['on-failure', FAILED, true],
  ['on-failure', KILLED, true],
  // Nobody knows how an adopted agent ended: that counts as a failure.
  ['on-failure', UNSEEN, true],
  ['never', OK, false],
  ['never', FAILED, false],
] as const)('with restart.on: %s and exit %j, restarts: %s', (on, exit, restart) => {
  expect(judgeExit(specOf({ restart: { on } }).restart, exit, 0, 0)).toMatchObject({ restart });
});

test('restarts at once after a stretch of health', () => {
  expect(backoffMs(BACKOFF, 0, 7)).toBe(0);
});

test('doubles the wait from min up to max, shortened by at most half', () => {
  fc.assert(
    fc.property(fc.nat(999_999), fc.integer({ min: 1, max: 5_000 }), (slot, failures) => {
      const fullMs = Math.min(300_000, 1_000 * 2 ** (failures - 1));
      const waitMs = backoffMs(BACKOFF, failures, slot);
      expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(waitMs).toBeLessThanOrEqual(fullMs);
      expect(backoffMs(BACKOFF, failures, slot)).toBe(waitMs);
    }),
  );
});

test.each([1, 2, 5, 20])(
  'spreads what fails together for the %sth time evenly over the jitter',
  (failures) => {
    const fullMs = Math.min(300_000, 1_000 * 2 ** (failures - 1));
    const tenths = Array(10).fill(0);
    for (let slot = 0; slot < 10_000; slot++) {
      tenths[Math.min(9, Math.floor((backoffMs(BACKOFF, failures, slot) / fullMs - 0.5) * 20))]++;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(800);
    expect(Math.max(...tenths)).toBeLessThan(1_200);
  },
);

test('hashes integers to numbers in [0, 1)', () => {
  fc.assert(
    fc.property(fc.integer(), (integer) => {
      expect(unitHash(integer)).toBeGreaterThanOrEqual(0);
      expect(unitHash(integer)).toBeLessThan(1);
    }),
  );
});
