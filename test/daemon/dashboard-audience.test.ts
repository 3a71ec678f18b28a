import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FleetEvent } from '../../src/api/events.ts';
import { Audience } from '../../src/daemon/dashboard/audience.ts';
import type { FeedParts } from '../../src/daemon/dashboard/feed.ts';

/** A browser that reads everything. */
class Browser extends EventEmitter {
  text = '';

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  get lastId(): string | null {
    return [...this.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? null;
  }

  count(words: string): number {
    return this.text.split(words).length - 1;
  }
}

/** Who is told of turns and of events. */
const turns = new Set<() => void>();
const followers = new Set<(event: FleetEvent) => void>();
let statusCount = 0;
let audience: Audience;

function follow<T>(all: Set<T>, one: T): () => void {
  all.add(one);
  return () => all.delete(one);
}

/** A supervisor without any fleet. */
const PARTS = {
  supervisor: {
    fleets: new Map(),
    loop: { follow: (follower: () => void) => follow(turns, follower) },
    events: { follow: (listener: (event: FleetEvent) => void) => follow(followers, listener) },
    journal: { read: () => [] },
  },
  report: { status: () => ({ supervisor: {}, host: { statusCount: ++statusCount }, maintenance: null }) },
} as unknown as FeedParts;

beforeEach(() => {
  vi.useFakeTimers();
  statusCount = 0;
  audience = new Audience(PARTS);
});
afterEach(() => {
  audience.close();
  vi.useRealTimers();
});

function join(lastId: string | null = null): Browser {
  const browser = new Browser();
  audience.join(browser as unknown as ServerResponse, lastId);
  return browser;
}

test('follows nothing while nobody watches, and no longer than a while after the last has gone', async () => {
  expect([turns.size, followers.size, vi.getTimerCount()]).toEqual([0, 0, 0]);
  const browsers = [join(), join()];
  expect([turns.size, followers.size]).toEqual([1, 1]);
  browsers[0]!.emit('close');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([turns.size, followers.size]).toEqual([1, 1]);
  browsers[1]!.emit('close');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([turns.size, followers.size, vi.getTimerCount()]).toEqual([0, 0, 0]);
});

test('finds the place again of one that was cut off for a moment, and not of one that was away for long', async () => {
  const first = join();
  await vi.advanceTimersByTimeAsync(1_000);
  first.emit('close');
  await vi.advanceTimersByTimeAsync(10_000);
  const second = join(first.lastId);
  expect(second.count('"isWhole":true')).toBe(0);
  expect(second.count('"isWhole":false')).toBeGreaterThan(0);
  second.emit('close');
  await vi.advanceTimersByTimeAsync(20_000);
  expect(join(second.lastId).count('"isWhole":true')).toBe(1);
});

test('works out what is new once for all, however many watch and however much happens', async () => {
  const browsers = Array.from({ length: 16 }, () => join());
  expect(audience.hasRoom).toBe(false);
  const asked = statusCount;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(statusCount).toBe(asked + 1);
  const before = browsers[0]!.count('data:');
  const event = (seq: number): FleetEvent => ({
    seq,
    at: '',
    fleet: null,
    type: 'limit',
    slots: null,
    reason: '',
  });
  for (let seq = 0; seq < 1_000; seq++) for (const tell of followers) tell(event(seq));
  await vi.advanceTimersByTimeAsync(250);
  expect(browsers.map((browser) => browser.count('data:'))).toEqual(browsers.map(() => before + 1));
  // Of a flood, the latest.
  expect(browsers[15]!.count('"seq":')).toBe(200);
  expect(browsers[15]!.text).toContain('"seq":999');
});
