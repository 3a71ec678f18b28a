import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { RunRecord } from '../../src/fleet/records.ts';
import { RunStore } from '../../src/store/runs.ts';
import { closing, temporary } from './places.ts';

const BOOT = 'boot-1';

function run(slot: number, change: Partial<RunRecord> = {}): RunRecord {
  return {
    slot,
    process: {
      pid: 1_000 + slot,
      startTicks: 123_456_789,
      startedIso: '2026-01-01T00:00:00.000Z',
      release: 'r1',
      generation: 2,
    },
    givenUp: null,
    readyAt: 1_234.5,
    restarts: 3,
    failures: 1,
    attempts: [1_000, 2_000.5],
    lastExit: { code: null, signal: 'SIGKILL', reason: 'killed by SIGKILL', at: '2026-01-01T00:00:00.000Z' },
    ...change,
  };
}

const GIVEN_UP = { state: 'failed', reason: 'exited 0; restart.on is never', generation: 2 } as const;
const ENDED = run(2, { process: null, readyAt: null, lastExit: null, givenUp: GIVEN_UP });

function open(path: string, boot = BOOT): RunStore {
  return closing(new RunStore(path, boot));
}

/** A file with two slots of one fleet and one of another. */
function filled(): string {
  const path = join(temporary(), 'runs.db');
  const store = open(path);
  store.set('f', 1, run(1));
  store.set('f', 2, ENDED);
  store.set('g', 1, run(1, { process: { ...run(1).process!, pid: 77 } }));
  store.flush();
  store.close();
  return path;
}

test('gives the next supervisor what was flushed, each fleet its own', () => {
  const store = open(filled());
  expect(store.notice).toBe(null);
  expect(store.load('f')).toEqual([run(1), ENDED]);
  expect(store.load('g')).toMatchObject([{ slot: 1, process: { pid: 77 } }]);
  expect(store.load('h')).toEqual([]);
});

test('replaces what was noted of a slot, and forgets it', () => {
  const path = filled();
  const store = open(path);
  store.set('f', 1, run(1, { restarts: 4 }));
  store.set('f', 1, run(1, { restarts: 5 }));
  store.set('f', 2, null);
  store.flush();
  store.close();
  expect(open(path).load('f')).toEqual([run(1, { restarts: 5 })]);
});

test('writes nothing before it is flushed', () => {
  const path = filled();
  const store = open(path);
  store.set('f', 9, run(9));
  store.close();
  expect(open(path).load('f')).toHaveLength(2);
});

test('writes what was noted once', () => {
  const path = filled();
  const store = open(path);
  store.set('f', 9, run(9));
  store.flush();
  const other = closing(new DatabaseSync(path));
  other.exec('DELETE FROM runs WHERE slot = 9');
  store.set('f', 10, run(10));
  store.flush();
  expect(store.load('f').map(({ slot }) => slot)).toEqual([1, 2, 10]);
});

test('drops the processes of another boot: their pids are others now', () => {
  const path = filled();
  const store = open(path, 'boot-2');
  expect(store.load('f')).toEqual([]);
  store.close();
  expect(open(path, BOOT).load('f')).toEqual([]);
});

test('begins anew where the file is damaged, and keeps that aside under a name that it tells', () => {
  const path = filled();
  writeFileSync(path, Buffer.alloc(10_000, 'rubbish'));
  const store = open(path);
  const aside = readdirSync(join(path, '..')).find((name) => name.startsWith('runs.db.corrupt-'));
  expect(store.notice).toContain(`kept as ${join(path, '..', aside!)}`);
  expect(readFileSync(join(path, '..', aside!)).includes('rubbish')).toBe(true);
  expect(store.load('f')).toEqual([]);
  store.set('f', 1, run(1));
  store.flush();
  expect(store.load('f')).toEqual([run(1)]);
});

test('keeps what could not be written for the next flush', () => {
  const path = filled();
  const store = open(path);
  const other = closing(new DatabaseSync(path));
  other.exec('BEGIN IMMEDIATE');
  store.set('f', 9, run(9));
  expect(() => store.flush()).toThrow(/locked/);
  other.exec('ROLLBACK');
  store.set('f', 10, run(10));
  store.flush();
  expect(store.load('f').map(({ slot }) => slot)).toEqual([1, 2, 9, 10]);
});

test('says that it is behind from a write that failed to one that succeeds, on a disk without a free byte too', () => {
  const path = filled();
  expect(open(path).wasBehind).toBe(false);
  const store = open(path);
  const others = new DatabaseSync(path);
  others.exec('BEGIN IMMEDIATE');
  store.set('f', 1, run(1, { restarts: 9 }));
  expect(() => store.flush()).toThrow();
  expect(open(path).wasBehind).toBe(true);
  others.exec('ROLLBACK');
  others.close();
  store.flush();
  expect(open(path).wasBehind).toBe(false);
});
