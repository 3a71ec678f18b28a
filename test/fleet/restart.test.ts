import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeExit, type ExitStatus } from '../../src/fleet/exit.ts';
import { backoffMs, type End, isFailedStart, judgeExit } from '../../src/fleet/restart.ts';
import { unitHash } from '../../src/fleet/unit-hash.ts';
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

const policyOf = (restart: object = {}) => specOf({ restart }).restart;
/** An end after an hour of health. */
const end = (exit: ExitStatus, more: Partial<End> = {}): End => ({
  exit,
  readyAt: 0,
  now: 3_600_000,
  failures: 0,
  attempts: [],
  seed: 0,
  ...more,
});

test('counts an agent as failed to start until it has been ready for restart.settle', () => {
  const isFailed = (readyAt: number | null, now: number, exit = FAILED, restart = {}) =>
    isFailedStart(policyOf(restart), { exit, readyAt, now });
  expect(isFailed(null, 1e9)).toBe(true);
  expect(isFailed(null, 1e9, OK)).toBe(true);
  expect(isFailed(5_000, 14_999)).toBe(true);
  expect(isFailed(5_000, 15_000)).toBe(false);
  expect(isFailed(5_000, 7_000, FAILED, { settle: '2s' })).toBe(false);
  expect(isFailed(5_000, 5_001, OK)).toBe(false);
  expect(isFailed(5_000, 5_001, FAILED, { success: [0, 1] })).toBe(false);
});

test.each([
  ['always', OK, 'restart'],
  ['always', FAILED, 'restart'],
  ['on-failure', OK, 'completed'],
  ['on-failure', FAILED, 'restart'],
  ['on-failure', KILLED, 'restart'],
  // Nobody knows how an adopted agent ended: that counts as a failure.
  ['on-failure', UNSEEN, 'restart'],
  ['never', OK, 'completed'],
  ['never', FAILED, 'failed'],
] as const)('with restart.on: %s and exit %j, what follows is: %s', (on, exit, next) => {
  expect(judgeExit(policyOf({ on }), end(exit))).toMatchObject({ next });
});

test('an exit 0 before the agent was ready is no success', () => {
  const tooEarly = end(OK, { readyAt: null, failures: 1 });
  expect(judgeExit(policyOf({ on: 'on-failure' }), tooEarly)).toMatchObject({ next: 'restart' });
});

test('other codes can be a success, or end the slot', () => {
  const policy = policyOf({ on: 'on-failure', success: [0, 143], never: [78, 137] });
  expect(judgeExit(policy, end({ code: 143, signal: null }))).toEqual({ next: 'completed' });
  expect(judgeExit(policy, end({ code: 78, signal: null }))).toEqual({
    next: 'failed',
    why: 'restart.never names exit code 78',
  });
  // As a shell or a wrapper would tell it.
  expect(judgeExit(policy, end({ code: null, signal: 'SIGTERM' }))).toEqual({ next: 'completed' });
  expect(judgeExit(policy, end({ code: null, signal: 'SIGKILL' }))).toMatchObject({ next: 'failed' });
  expect(judgeExit(policy, end({ code: null, signal: 'SIGHUP' }))).toMatchObject({ next: 'restart' });
  expect(judgeExit(policy, end({ code: null, signal: null }))).toMatchObject({ next: 'restart' });
});

test('after a success, an agent that always runs starts again after the shortest backoff', () => {
  expect(judgeExit(policyOf({ backoff: { min: '3s' } }), end(OK))).toMatchObject({ delayMs: 3_000 });
});

test('restart.attempts bounds the restarts of a slot within its period', () => {
  const policy = policyOf({ attempts: { count: 2, within: '1m' } });
  const now = 3_600_000;
  const judged = (attempts: number[], exit: ExitStatus = FAILED) =>
    judgeExit(policy, end(exit, { attempts }));
  expect(judged([])).toEqual({ next: 'restart', delayMs: 0, attempts: [now] });
  expect(judged([now - 60_000, now - 1])).toMatchObject({ next: 'restart', attempts: [now - 1, now] });
  expect(judged([now - 59_999, now - 1])).toEqual({
    next: 'failed',
    why: 'restarted 2 times within 1m (restart.attempts)',
  });
  expect(judged([now - 2, now - 1], OK)).toMatchObject({ next: 'restart' });
  expect(judgeExit(policyOf(), end(FAILED, { attempts: [1] }))).toMatchObject({ attempts: [] });
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
