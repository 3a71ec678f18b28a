import { expect, test } from 'vitest';
import { Rounds } from '../../src/fleet/rounds.ts';

const DELAY_MS = 3_000;

test('has room for `parallel` members, each counted once', () => {
  const rounds = new Rounds();
  expect(rounds.room(3, 0)).toBe(3);
  rounds.join(1);
  rounds.join(1);
  rounds.join(2);
  expect([rounds.size, rounds.room(3, 0), rounds.has(1), rounds.has(3)]).toEqual([2, 1, true, false]);
});

test('gives the place of a member that is done to nobody in the same round', () => {
  const rounds = new Rounds();
  for (const slot of [1, 2, 3]) rounds.join(slot);
  rounds.leave(1, DELAY_MS, 1_000);
  expect(rounds.room(3, 1_000_000)).toBe(0);
});

test('ends with its last member and opens again after the delay', () => {
  const rounds = new Rounds();
  for (const slot of [1, 2]) rounds.join(slot);
  rounds.leave(1, DELAY_MS, 1_000);
  rounds.leave(2, DELAY_MS, 5_000);
  expect([rounds.room(2, 7_999), rounds.opensAt(7_999)]).toEqual([0, 8_000]);
  expect([rounds.room(2, 8_000), rounds.opensAt(8_000)]).toEqual([2, null]);
});

test('is not put off by somebody who leaves without having joined', () => {
  const rounds = new Rounds();
  rounds.leave(1, DELAY_MS, 1_000);
  expect(rounds.room(2, 1_000)).toBe(2);
});

test('has no room below 0 where `parallel` was lowered', () => {
  const rounds = new Rounds();
  for (const slot of [1, 2, 3]) rounds.join(slot);
  expect(rounds.room(2, 0)).toBe(0);
});

test('tells when the pause ends, also to those who come after somebody has joined in it', () => {
  // A batch of starts of which the first fails at once: the round ends with it, and the second begins the next one.
  const rounds = new Rounds();
  rounds.join(1);
  rounds.leave(1, DELAY_MS, 1_000);
  rounds.join(2);
  expect([rounds.room(3, 1_000), rounds.opensAt(1_000)]).toEqual([0, 4_000]);
  expect(rounds.room(3, 4_000)).toBe(2);
});
