import { expect, test } from 'vitest';
import { Lows } from '../../src/leak/lows.ts';

/** A generator of numbers from 0 to 1, the same for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

/** The sum of an agent's scores and of their variances, over so many floors. */
function scores(floor: (tick: number) => number, ticks: number): { value: number; variance: number } {
  const lows = new Lows(1);
  const sum = { value: 0, variance: 0 };
  for (let tick = 0; tick < ticks; tick++) {
    const kib = Math.round(floor(tick));
    const score = lows.counts(0, kib) ? lows.add(0, kib, tick) : null;
    sum.value += score?.value ?? 0;
    sum.variance += score?.variance ?? 0;
  }
  return sum;
}

test('scores of agents that do not grow have the mean and the variance they claim', () => {
  let value = 0;
  let variance = 0;
  let squares = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const next = random(seed * 2_654_435_761);
    const sum = scores(() => 8_192 + 4_096 * next(), 300);
    value += sum.value;
    variance += sum.variance;
    squares += sum.value ** 2;
  }
  expect(Math.abs(value / Math.sqrt(variance))).toBeLessThan(3.5);
  // The sum of 400 squares of normal deviates is within 4 deviations (√800) of 400.
  expect(Math.abs(squares / (variance / 400) - 400)).toBeLessThan(4 * Math.sqrt(800));
});

test('what lifts an agent for hours says nothing', () => {
  const next = random(7);
  const lifted = scores((tick) => 8_192 + 4_096 * next() + (tick > 600 && tick < 700 ? 3_000 : 0), 700);
  expect(Math.abs(lifted.value / Math.sqrt(lifted.variance))).toBeLessThan(3.5);
});

test('agents whose floors rise score above 0, a constant one says nothing at all', () => {
  let value = 0;
  let variance = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const next = random(seed * 2_654_435_761);
    const sum = scores((tick) => 8_192 + 1_024 * next() + 0.25 * tick, 400);
    value += sum.value;
    variance += sum.variance;
  }
  expect(value / Math.sqrt(variance)).toBeGreaterThan(4);
  expect(scores(() => 8_192, 400)).toEqual({ value: 0, variance: 0 });
});

test('compares with nothing from before a new run', () => {
  const lows = new Lows(1);
  for (let tick = 0; tick < 20; tick++) lows.add(0, 1_000, tick);
  lows.clear(0);
  expect(lows.read(0).kib.length).toBe(0);
  expect(lows.add(0, 5_000, 21)).toBe(null);
});
