import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { EventStore, type NewEvent } from '../../src/store/events.ts';
import { closing, temporary } from './places.ts';

function event(reason: string, fleet: string | null = 'f'): NewEvent {
  return { at: '2026-01-01T00:00:00.000Z', fleet, type: 'exit', slots: '1-3', reason };
}

function open(path = join(temporary(), 'events.db')): EventStore {
  return closing(new EventStore(path));
}

/** What was read, in short. */
function reasons(store: EventStore, fleet: string | null = null, after = 0, limit = 1_000): string[] {
  return store.read(fleet, after, limit).map(({ reason }) => reason);
}

test('reads events as they were noted, flushed or not, oldest first', () => {
  const store = open();
  store.add(event('a'));
  store.flush();
  store.add(event('b', null));
  expect(store.read(null, 0, 10)).toEqual([
    { seq: 1, ...event('a') },
    { seq: 2, ...event('b', null) },
  ]);
  store.flush();
  expect(reasons(store)).toEqual(['a', 'b']);
});

test('reads the events of one fleet, after one event, and of those the latest', () => {
  const store = open();
  for (const [i, name] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) {
    store.add(event(name, i % 2 === 0 ? 'even' : 'odd'));
    if (i === 3) store.flush();
  }
  expect(reasons(store, 'even')).toEqual(['a', 'c', 'e']);
  expect(reasons(store, null, 2)).toEqual(['c', 'd', 'e', 'f']);
  expect(reasons(store, null, 0, 3)).toEqual(['d', 'e', 'f']);
  expect(reasons(store, 'odd', 2, 1)).toEqual(['f']);
  expect(reasons(store, 'none')).toEqual([]);
  expect(reasons(store, null, 0, 0)).toEqual([]);
});

test('goes on counting where the last supervisor stopped', () => {
  const path = join(temporary(), 'events.db');
  const first = open(path);
  first.add(event('a'));
  first.flush();
  first.close();
  const second = open(path);
  second.add(event('b'));
  expect(second.read(null, 0, 10).map(({ seq, reason }) => [seq, reason])).toEqual([
    [1, 'a'],
    [2, 'b'],
  ]);
});

test('tells followers of every event from now on, until they have enough', () => {
  const store = open();
  const heard: string[] = [];
  store.add(event('before'));
  const unfollow = store.follow(({ seq, reason }) => heard.push(`${seq} ${reason}`));
  store.add(event('a'));
  store.flush();
  store.add(event('b'));
  unfollow();
  store.add(event('after'));
  expect(heard).toEqual(['2 a', '3 b']);
});

test('keeps the latest 100,000 events and no more than a thousand beyond them', () => {
  const store = open();
  for (let i = 1; i <= 103_500; i++) {
    store.add(event(`${i}`));
    if (i % 5_000 === 0) store.flush();
  }
  store.flush();
  const kept = reasons(store, null, 0, 1_000_000);
  expect(kept.length).toBeGreaterThanOrEqual(100_000);
  expect(kept.length).toBeLessThan(101_000);
  expect(kept.at(-1)).toBe('103500');
});

test('keeps what the disk does not take, up to a bound, counts what it drops, and writes it later', () => {
  const path = join(temporary(), 'events.db');
  const store = open(path);
  const other = closing(new DatabaseSync(path));
  other.exec('BEGIN IMMEDIATE');
  for (let i = 1; i <= 10_500; i++) store.add(event(`${i}`));
  expect(() => store.flush()).toThrow(/locked/);
  expect(reasons(store, null, 0, 20_000)).toHaveLength(10_000);
  expect(reasons(store, null, 0, 20_000)[0]).toBe('501');
  other.exec('ROLLBACK');
  store.flush();
  expect(reasons(store, null, 0, 20_000)).toHaveLength(10_000);
  expect([store.lost, store.waiting]).toEqual([500, 0]);
});

test('begins anew where the file is damaged, and says what became of it', () => {
  const path = join(temporary(), 'events.db');
  writeFileSync(path, 'no database at all, but long enough to be looked at as one: '.repeat(50));
  const store = open(path);
  expect(store.notice).toMatch(
    /events\.db could not be read .*kept as .*events\.db\.corrupt-.*replaced by an empty one/,
  );
  store.add(event('a'));
  store.flush();
  expect(reasons(store)).toEqual(['a']);
});
