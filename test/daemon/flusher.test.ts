import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Flusher } from '../../src/daemon/shared/flusher.ts';
import { Journal } from '../../src/daemon/shared/journal.ts';
import { EventStore } from '../../src/store/events.ts';

const WAITING_MAX = 10_000;

let directory: string;
let store: EventStore;
/** Holds the file so that nobody else can write it. */
let other: DatabaseSync;
let flusher: Flusher;
let journal: Journal;
const logged: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  directory = mkdtempSync(join(tmpdir(), 'fleet-flusher-'));
  const path = join(directory, 'events.db');
  store = new EventStore(path);
  other = new DatabaseSync(path);
  journal = new Journal(store, () => new Date(0));
  const note = (_fields: object, text: string) => void logged.push(text);
  flusher = new Flusher({
    host: { facts: { explain: (what: string, error: Error) => new Error(`${what}: ${error.message}`) } },
    paths: { events: path, runDatabase: 'runs.db' },
    runs: { flush: () => {} },
    events: store,
    journal,
    log: { warn: note, error: note },
  } as unknown as ConstructorParameters<typeof Flusher>[0]);
});
afterEach(() => {
  vi.useRealTimers();
  other.close();
  store.close();
  logged.length = 0;
  rmSync(directory, { recursive: true, force: true });
});

/** Events beyond what is kept while none can be written. */
function lose(count: number): void {
  for (let i = 0; i < WAITING_MAX + count; i++) journal.note('exit', 'web', `${i}`);
  flusher.events();
}

const told = () => store.read(null, 0, 100_000).filter(({ reason }) => reason.includes('were lost'));

test('tells once for each burst how many events were lost, and why, when they can be written again', () => {
  for (const [burst, lost] of [1_500, 20].entries()) {
    other.exec('BEGIN IMMEDIATE');
    lose(lost);
    flusher.events();
    expect(told()).toHaveLength(burst);
    other.exec('ROLLBACK');
    flusher.events();
    flusher.events();
    expect(told()).toHaveLength(burst + 1);
  }
  // Besides the events that were noted, the first failure is one.
  expect(told()[0]!.reason).toMatch(/^1,501 events were lost, .*events\.db: .*locked$/);
  expect(told()[1]!.reason).toMatch(/^2\d events were lost/);
  expect(logged.filter((text) => text.includes('were lost'))).toHaveLength(2);
  expect(store.lost).toBeGreaterThanOrEqual(1_520);
});

test('says at the end what could not be written', () => {
  other.exec('BEGIN IMMEDIATE');
  journal.note('exit', 'web', 'unheard of');
  flusher.end();
  expect(logged).toContain('events are lost: they could not be written before the end');
  expect(vi.getTimerCount()).toBe(0);
  other.exec('ROLLBACK');
});
