import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatDuration,
  formatSize,
  parseDuration,
  parsePercent,
  parseRate,
  parseShare,
  parseSize,
} from '../../src/specification/units.ts';

test.each([
  ['500ms', 500],
  ['3s', 3_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['1h30m', 5_400_000],
  ['1m5ms', 60_005],
  [0, 0],
  ['0', 0],
  ['0s', 0],
])('reads the duration %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  '',
  '3',
  3,
  '-3s',
  '3 s',
  '3S',
  '1.5s',
  '1w',
  '5m1h',
  'ms',
  ' 3s',
  null,
  ['3s'],
  '9999999999999h',
])('refuses the duration %j', (text) => {
  expect(parseDuration(text)).toBeNull();
});

test('formats a duration so that it is read as the same', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
  expect(formatDuration(5_400_000)).toBe('1h30m');
  expect(formatDuration(0)).toBe('0s');
});

test('reads sizes in powers of 1024, and bytes', () => {
  expect(['64K', '256M', '1G', '2T', '512', 512].map(parseSize)).toEqual([
    65_536, 268_435_456, 1_073_741_824, 2_199_023_255_552, 512, 512,
  ]);
});

test.each(['', '64k', '64KB', '1.5G', '-1', -1, 1.5, 'K', null, '999999999999999T'])(
  'refuses the size %j',
  (text) => {
    expect(parseSize(text)).toBeNull();
  },
);

test('formats sizes with a tenth at most', () => {
  expect([0, 512, 65_536, 12_345_678, 1_048_575, 1_073_741_824, 2 ** 60].map(formatSize)).toEqual([
    '0',
    '512',
    '64K',
    '11.8M',
    '1M',
    '1G',
    '1048576T',
  ]);
});

test('reads rates by the hour only', () => {
  expect(parseRate('100M/h')).toBe(104_857_600);
  expect(['100M', '100M/m', '/h', 5].map(parseRate)).toEqual([null, null, null, null]);
});

test('reads shares as a count or a percentage', () => {
  expect(['10%', '0.5%', '100%', 500, '500', 0].map(parseShare)).toEqual([
    { percent: 10 },
    { percent: 0.5 },
    { percent: 100 },
    { count: 500 },
    { count: 500 },
    { count: 0 },
  ]);
  expect(['101%', '%', '-5%', 1.5, -1, '', 'all', null].map(parseShare)).toEqual(Array(8).fill(null));
  expect(parsePercent(20)).toBeNull();
});
