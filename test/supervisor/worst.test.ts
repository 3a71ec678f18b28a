import { describe, expect, test } from 'vitest';
import { type Condition, describeOthers, troubleOf, worstFirst } from '../../src/supervisor/worst.ts';

function fleet(name: string, changes: Partial<Condition> = {}): Condition {
  const fine = { isHeld: false, isBlocked: false, failing: 0, leak: 'none', isRollingOut: false } as const;
  return { name, target: 10, ready: 10, ...fine, ...changes };
}

const chosen = (fleets: readonly Condition[], room: number) => {
  const { shown, others } = worstFirst(fleets, room, (known) => known);
  return { shown: shown.map(({ name }) => name), others: others.map(({ name }) => name) };
};

describe('the fleets that are shown', () => {
  const MIXED = [
    fleet('fine'),
    fleet('suspect', { leak: 'suspect' }),
    fleet('rollout', { isRollingOut: true }),
    fleet('leak', { leak: 'leak' }),
    fleet('starting', { ready: 9 }),
    fleet('failing', { ready: 9, failing: 1 }),
    fleet('worse', { ready: 2, failing: 8 }),
    fleet('blocked', { isBlocked: true }),
    fleet('held', { isHeld: true }),
    fleet('also-fine'),
  ];

  test('are all of them, as they come, where there is room', () => {
    expect(chosen(MIXED, 10).shown).toEqual(MIXED.map(({ name }) => name));
    expect(chosen([], 0)).toEqual({ shown: [], others: [] });
  });

  test('are else those in trouble, the worst first; the rest is left for the count', () => {
    expect(chosen(MIXED, 9)).toEqual({
      shown: ['held', 'blocked', 'worse', 'failing', 'starting', 'leak', 'rollout', 'suspect'],
      others: ['also-fine', 'fine'],
    });
    expect(chosen(MIXED, 2).shown).toEqual(['held', 'blocked']);
    expect(chosen(MIXED, 2).others).toHaveLength(8);
  });

  test('are none where all is well', () => {
    expect(chosen([fleet('b'), fleet('a')], 1)).toEqual({ shown: [], others: ['a', 'b'] });
  });
});

test('the trouble of a fleet is its worst, in a word', () => {
  expect(troubleOf(fleet('web'))).toBeNull();
  expect(troubleOf(fleet('web', { ready: 9, failing: 1, isRollingOut: true }))).toBe('failing');
});

describe('the line about the others', () => {
  const others = [fleet('a', { target: 12_000, ready: 12_000 }), fleet('b', { target: 300, ready: 300 })];

  test('counts them and their agents', () => {
    expect(describeOthers(others, 5)).toBe('2 others: all 12,300 agents ready');
    expect(describeOthers(others, 0)).toBe('2 fleets: all 12,300 agents ready');
    expect(describeOthers([fleet('a', { target: 1, ready: 1 })], 3)).toBe('1 other: all 1 agent ready');
  });

  test('tells how many of them are in trouble', () => {
    expect(describeOthers([...others, fleet('c', { ready: 4, failing: 6 })], 5)).toBe(
      '3 others: 12,304 of 12,310 agents ready, 1 in trouble',
    );
    const shrinking = fleet('d', { target: 1, ready: 50 });
    expect(describeOthers([shrinking, fleet('c', { ready: 4 })], 5)).toBe(
      '2 others: 5 of 11 agents ready, 1 in trouble',
    );
  });
});
