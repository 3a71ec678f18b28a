import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HostHistory, Moments } from '../../src/daemon/dashboard/host-history.ts';

const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
const memory = (used: number, pressurePercent: number | null = 0) => ({
  totalBytes: 1_000,
  availableBytes: 1_000 - used,
  pressurePercent,
});

/** Moments that were offered one every five seconds, and how many of them were kept. */
function after(ms: number): Moments['columns'] {
  const moments = new Moments();
  for (let at = 0; at <= ms; at += 5_000) moments.add(at, memory(at / 1_000_000));
  return moments.columns;
}

test('has every moment at first, in seconds and shares', () => {
  const moments = new Moments();
  moments.add(5_000, memory(250, 12));
  moments.add(10_100, memory(500, null));
  expect(moments.columns).toEqual({ at: [5, 10.1], usedShare: [0.25, 0.5], stallShare: [0.12, null] });
});

test.each([1, 10, 60, 5 * 60, 24 * 60, 3 * 24 * 60])(
  'covers %i minutes evenly and to the end with a bounded number of moments',
  (minutes) => {
    const { at } = after(minutes * MINUTE_MS);
    const spanMs = Math.min(minutes * MINUTE_MS, DAY_MS);
    expect(at.length).toBeLessThanOrEqual(480);
    expect(at.length).toBeGreaterThanOrEqual(Math.min(200, spanMs / 5_000));
    const gaps = at.slice(1).map((time, i) => time - at[i]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * Math.min(...gaps));
    // The newest is at most one interval old, the oldest as old as it may be.
    const endSeconds = minutes * 60;
    expect(endSeconds - at.at(-1)!).toBeLessThanOrEqual(Math.max(...gaps));
    expect(endSeconds - at[0]!).toBeGreaterThanOrEqual((0.95 * spanMs) / 1_000);
  },
);

test('does not show a time twice after the clock was set back', () => {
  const moments = new Moments();
  for (const at of [10_000, 20_000, 30_000, 15_000, 20_000]) moments.add(at, memory(at / 100));
  expect(moments.columns.at).toEqual([10, 15, 20]);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('reads from the start until it is stopped, also after a reading that failed', async () => {
  let isReadable = true;
  const problems: string[] = [];
  const readMemory = () => {
    if (!isReadable) throw new Error('no meminfo');
    return memory(100);
  };
  const host = { memory: { readMemory }, date: () => new Date() } as unknown as ConstructorParameters<
    typeof HostHistory
  >[0];
  const history = new HostHistory(host, ({ message }) => void problems.push(message));
  expect(history.columns.at).toHaveLength(1);
  isReadable = false;
  await vi.advanceTimersByTimeAsync(6_000);
  isReadable = true;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(problems).toEqual(['no meminfo']);
  expect(history.columns.at.length).toBeGreaterThan(1);
  history.stop();
  expect(vi.getTimerCount()).toBe(0);
});
