import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunRecord } from '../../src/fleet/records.ts';
import { EventStore } from '../../src/store/events.ts';
import { RunStore } from '../../src/store/runs.ts';
import { ReadingStore } from '../../src/store/samples.ts';
import { DAMAGES } from './damage.ts';
import { inMemory, STRIDE_BYTES, tell } from './scratch.ts';

const COUNT = 40;

const run = (slot: number): RunRecord => ({
  slot,
  process: {
    pid: 1000 + slot,
    startTicks: 5,
    startedIso: '2026-01-01T00:00:00.000Z',
    release: 'r1',
    generation: 0,
  },
  givenUp: null,
  readyAt: 5,
  restarts: 1,
  attempts: [],
  failures: 0,
  lastExit: { code: 1, signal: null, reason: 'exited 1', at: '2026-01-01T00:00:00.000Z' },
});

/** The files whose loss costs comfort and not truth: how each is filled, and all that a supervisor does with it. */
const STORES = {
  'run.db': (path: string) => {
    const store = new RunStore(path, 'boot');
    try {
      const found = store.load('f').length;
      for (let slot = 0; slot < COUNT; slot++) store.set('f', slot, run(slot));
      store.flush();
      return { found, notice: store.notice };
    } finally {
      store.close();
    }
  },
  'events.db': (path: string) => {
    const store = new EventStore(path);
    try {
      const found = store.read(null, 0, 1_000).length;
      for (let i = found; i < COUNT; i++)
        store.add({
          at: '2026-01-01T00:00:00.000Z',
          fleet: 'f',
          type: 'start',
          slots: '0',
          reason: 'a start',
        });
      store.flush();
      return { found, notice: store.notice };
    } finally {
      store.close();
    }
  },
  'samples.db': (path: string) => {
    const store = new ReadingStore(path);
    let notice = store.notice;
    store.onNotice = (text) => {
      notice = text;
    };
    try {
      const found = [...store.read('f', 0)].length;
      store.lastVerdict('f');
      store.setLastVerdict('f', '{}');
      return { found, notice };
    } finally {
      store.close();
    }
  },
};

const cases = Object.keys(STORES).flatMap((name) =>
  Object.keys(DAMAGES).map((damage) => [name, damage] as [keyof typeof STORES, keyof typeof DAMAGES]),
);

test.each(cases)('%s is read as far as it can be, or begun anew and named: %s', (name, damage) => {
  const root = inMemory();
  const [made, copy] = [join(root, 'made'), join(root, 'copy')];
  mkdirSync(made);
  STORES[name](join(made, name));
  const counts = { read: 0, told: 0 };
  const wrong: string[] = [];
  const { length } = readFileSync(join(made, name));
  for (let at = 0; at < length; at += STRIDE_BYTES) {
    rmSync(copy, { recursive: true, force: true });
    cpSync(made, copy, { recursive: true });
    const path = join(copy, name);
    writeFileSync(path, DAMAGES[damage](readFileSync(path), at));
    try {
      const { notice } = STORES[name](path);
      if (notice === null) counts.read++;
      else if (notice.includes(path)) counts.told++;
      else wrong.push(`at ${at}: ${notice}`);
    } catch (error) {
      wrong.push(`at ${at}: ${error}`);
    }
  }
  tell(`${name}, ${damage}: ${JSON.stringify(counts)}`);
  expect(wrong).toEqual([]);
});
