import { expect, test } from 'vitest';
import type { Scenario } from '../../bench/leak-fleet.ts';
import { trial } from '../../bench/leak-trial.ts';

const KIB = 1024;
const BUSY: Scenario = {
  seed: 1,
  agents: 1_000,
  everyMs: 300_000,
  leak: null,
  sawBytes: 4 * KIB * KIB,
  jitterBytes: 0,
  rhythmBytes: 0,
  busy: true,
  connectionsKnown: 'agents',
};
const DAY_TICKS = 288;

test('finds a leak of 40 KB an hour in agents that saw by 4 MB, and its rate, within hours', () => {
  const leak = { bytesPerHour: 40 * KIB, share: 1, fromTick: DAY_TICKS };
  const { hours, falseAlarms, bytesPerHour } = trial({ ...BUSY, leak }, 28);
  expect(falseAlarms.verdict).toBe(0);
  expect(hours.verdict).toBeLessThanOrEqual(3);
  expect(bytesPerHour / (1_000 * 40 * KIB)).toBeGreaterThan(0.6);
  expect(bytesPerHour / (1_000 * 40 * KIB)).toBeLessThan(1.4);
});

test('names the 1 % that leak, and only those', () => {
  const leak = { bytesPerHour: KIB * KIB, share: 0.01, fromTick: DAY_TICKS };
  const { named, falseAlarms } = trial({ ...BUSY, leak }, 38);
  expect(falseAlarms.verdict).toBe(0);
  expect(named.length).toBeGreaterThanOrEqual(8);
  expect(named.filter((slot) => (slot * 7_919) % 1_000 >= 10)).toEqual([]);
});

test.each(['agents', 'fleet', 'no'] as const)(
  'raises no alarm over bursts, crashes, a rolling update and the rhythm of days: connections known of %s',
  (connectionsKnown) => {
    const { falseAlarms } = trial({ ...BUSY, agents: 300, connectionsKnown }, 8 * 24);
    expect(falseAlarms.verdict).toBe(0);
  },
);
