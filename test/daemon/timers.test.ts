import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { every } from '../../src/daemon/shared/timers.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('what repeats in whole seconds does so at the same moments, whenever it began, and ends with its signal', async () => {
  const end = new AbortController();
  const at: Record<string, number[]> = { a: [], b: [], c: [] };
  const begin = (name: string, ms: number) =>
    every(
      ms,
      end.signal,
      () => void at[name]!.push(Math.round(performance.now())),
      () => {},
    );
  const begun = performance.now();
  begin('a', 1_000);
  await vi.advanceTimersByTimeAsync(130);
  begin('b', 1_000);
  await vi.advanceTimersByTimeAsync(180);
  begin('c', 2_000);
  await vi.advanceTimersByTimeAsync(10_000);
  end.abort();
  const [a, b, c] = [at.a!.length, at.b!.length, at.c!.length];
  expect([a, b, c].map((count) => count > 0)).toEqual([true, true, true]);
  expect(at.b!.every((time) => at.a!.includes(time))).toBe(true);
  expect(at.c!.every((time) => at.a!.includes(time))).toBe(true);
  // Once a second, and once every two: nothing is skipped or done twice.
  const seconds = (performance.now() - begun) / 1_000;
  expect(Math.abs(a - seconds)).toBeLessThanOrEqual(1);
  expect(Math.abs(c - seconds / 2)).toBeLessThanOrEqual(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([at.a!.length, at.b!.length, at.c!.length]).toEqual([a, b, c]);
});

test('work that fails is repeated, and work that takes longer than its interval is not done twice at once', async () => {
  const end = new AbortController();
  const failures: string[] = [];
  let [running, most] = [0, 0];
  every(
    1_000,
    end.signal,
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      running--;
      throw new Error('no');
    },
    ({ message }) => failures.push(message),
  );
  await vi.advanceTimersByTimeAsync(10_000);
  end.abort();
  expect(most).toBe(1);
  expect(failures.length).toBeGreaterThan(1);
});
