import { describe, expect, test } from 'vitest';
import { inOrder, timeOf } from '../../src/cli/log-order.ts';

describe('the time of a line', () => {
  test.each([
    ['2026-11-29T10:22:31Z x', '2026-11-29T10:22:31.000Z'],
    ['2026-11-29T10:22:31.5+01:00 x', '2026-11-29T09:22:31.500Z'],
    ['[2026-11-29 10:22:31,512 -0330] x', '2026-11-29T13:52:31.512Z'],
    ['2026-11-29T10:22:31.123456789Z', '2026-11-29T10:22:31.123Z'],
  ])('%s', (line, expected) => {
    expect(new Date(timeOf(line)!).toISOString()).toBe(expected);
  });

  test('without a zone is local', () => {
    const local = new Date(2026, 10, 29, 10, 22, 31).getTime();
    expect(timeOf('2026/11/29 10:22:31 [emerg] x')).toBe(local);
    expect(timeOf('2026-11-29 10:22:31 x')).toBe(local);
  });

  test.each(['', 'x 2026-11-29T10:22:31Z', '2026-13-29T10:22:31Z', '10:22:31 x', '2026-11-29'])(
    'is not in %j',
    (line) => {
      expect(timeOf(line)).toBe(null);
    },
  );
});

describe('lines of both streams', () => {
  test('are ordered by the times that they begin with; a line without one follows the one before it', () => {
    const stdout = ['2026-11-29T10:00:01Z a', 'of a', '2026-11-29T10:00:03Z c'];
    const stderr = ['2026-11-29T10:00:02Z b', 'of b', '2026-11-29T10:00:04Z d'];
    const { lines, isKnown } = inOrder(stdout, stderr);
    expect(isKnown).toBe(true);
    expect(lines.map(({ line }) => line.replace(/^\S+Z /, ''))).toEqual(['a', 'of a', 'b', 'of b', 'c', 'd']);
    expect(lines.map(({ stream }) => stream)).toEqual([
      ...['stdout', 'stdout', 'stderr', 'stderr', 'stdout', 'stderr'],
    ]);
  });

  test('keep the order of their stream, whatever their clocks say', () => {
    const stdout = ['2026-11-29T10:00:05Z a', '2026-11-29T10:00:01Z b'];
    expect(inOrder(stdout, ['2026-11-29T10:00:02Z e']).lines.map(({ line }) => line.slice(-1))).toEqual([
      'e',
      'a',
      'b',
    ]);
  });

  test('are in an unknown order without times, and stdout comes first', () => {
    expect(inOrder(['a'], ['b'])).toEqual({
      isKnown: false,
      lines: [
        { stream: 'stdout', line: 'a' },
        { stream: 'stderr', line: 'b' },
      ],
    });
    expect(inOrder(['2026-11-29T10:00:01Z a'], ['b']).isKnown).toBe(false);
  });

  test('are in a known order if there is one stream', () => {
    expect([inOrder(['a'], []).isKnown, inOrder([], ['b']).isKnown]).toEqual([true, true]);
  });
});
