import { expect, test } from 'vitest';
import { Thrift } from '../../src/supervisor/thrift.ts';

const MB = 2 ** 20;
const [BUSY, QUIET] = [0.5, 0.01];

/** One whose start is over, and that needs 50 MB. */
function settled(): Thrift {
  const thrift = new Thrift();
  expect(thrift.isDue(QUIET, 2_000, () => 80 * MB)).toBe(true);
  expect(thrift.isDue(QUIET, 4_000, () => 50 * MB)).toBe(false);
  return thrift;
}

const unread = () => {
  throw new Error('read for nothing');
};

test('gives back what the start has left, in the first quiet moment', () => {
  const thrift = new Thrift();
  expect(thrift.isDue(BUSY, 2_000, unread)).toBe(false);
  expect(thrift.isDue(QUIET, 4_000, () => 80 * MB)).toBe(true);
});

test('does not even look while nothing happens', () => {
  const thrift = settled();
  for (let now = 6_000; now < 600_000; now += 2_000) expect(thrift.isDue(QUIET, now, unread)).toBe(false);
});

test('after work, gives back if memory has grown by half, and not before the work is over', () => {
  const thrift = settled();
  expect(thrift.isDue(BUSY, 6_000, unread)).toBe(false);
  expect(thrift.isDue(QUIET, 8_000, () => 74 * MB)).toBe(false);
  expect(thrift.isDue(BUSY, 10_000, unread)).toBe(false);
  expect(thrift.isDue(QUIET, 12_000, () => 76 * MB)).toBe(true);
});

test('takes what is left afterwards for what is needed, so that it does not give back again and again', () => {
  const thrift = settled();
  thrift.isDue(BUSY, 6_000, unread);
  expect(thrift.isDue(QUIET, 8_000, () => 120 * MB)).toBe(true);
  expect(thrift.isDue(QUIET, 10_000, () => 100 * MB)).toBe(false);
  thrift.isDue(BUSY, 12_000, unread);
  expect(thrift.isDue(QUIET, 14_000, () => 120 * MB)).toBe(false);
});

test('looks at memory that grows slowly every ten minutes', () => {
  const thrift = settled();
  expect(thrift.isDue(QUIET, 605_000, () => 90 * MB)).toBe(true);
});
