import { expect, test } from 'vitest';
import { History } from '../../src/daemon/dashboard/history.ts';
import type { MemoryReading } from '../../src/store/packing.ts';
import type { ReadingStore } from '../../src/store/samples.ts';

/** Passes every second, of two agents that use the time's number of bytes each; counts how many are read. */
class FakeStore {
  readCount = 0;
  size: number;

  constructor(size: number) {
    this.size = size;
  }

  times(_fleet: string, since: number): number[] {
    return Array.from({ length: this.size }, (_, index) => 1_000 * index).filter((at) => at >= since);
  }

  get(_fleet: string, at: number): MemoryReading | null {
    this.readCount++;
    return at === 3_000 ? null : ({ rssBytes: Float64Array.of(at, at), pssBytes: at } as MemoryReading);
  }
}

const historyOf = (store: FakeStore) => new History(store as unknown as ReadingStore);

test('sums passes up, in seconds, and leaves out what cannot be read', async () => {
  const { at, rssBytes, pssBytes } = await historyOf(new FakeStore(6)).read('web', 1_000);
  expect(at).toEqual([1, 2, 4, 5]);
  expect(rssBytes).toEqual([2_000, 4_000, 8_000, 10_000]);
  expect(pssBytes).toEqual([1_000, 2_000, 4_000, 5_000]);
});

test('reads no more passes than a chart can show, the newest among them', async () => {
  const store = new FakeStore(1_500);
  const { at } = await historyOf(store).read('web', 0);
  expect(store.readCount).toBeLessThanOrEqual(241);
  expect(at.length).toBeGreaterThan(200);
  expect(at.at(-1)).toBe(1_499);
});

test('reads a pass only once, until it forgets', async () => {
  const store = new FakeStore(100);
  const history = historyOf(store);
  await history.read('web', 0);
  const first = store.readCount;
  store.size = 101;
  await history.read('web', 0);
  // The new one, and the one that could not be read.
  expect(store.readCount - first).toBe(2);
  history.clear();
  await history.read('web', 0);
  expect(store.readCount - first).toBe(2 + 101);
});
