import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MemoryReading, packReading, unpackReading } from '../../src/store/packing.ts';
import { ReadingStore } from '../../src/store/samples.ts';

const HOUR = 3_600_000;
const NOW = 480_000 * HOUR;

let directory: string;
let store: ReadingStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-samples-'));
  store = new ReadingStore(join(directory, 'samples.db'));
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

function passAt(at: number, count = 3): MemoryReading {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    at,
    slots: Uint32Array.from(numbers),
    rssBytes: Float64Array.from(numbers, (i) => (8_000 + i) * 1024),
    startedMs: Float64Array.from(numbers, (i) => at - 1_000 - i / 4),
    release: Uint16Array.from(numbers, (i) => i % 2),
    releases: ['a', 'b'],
    connections: Uint32Array.from(numbers, (i) => i * 7),
    connectionsTotal: 21,
    pssBytes: 12_345,
  };
}

const times = (since = 0) => [...store.read('web', since)].map(({ at }) => at);

test('a pass comes back as it was', () => {
  const pass = passAt(NOW, 1_000);
  expect(unpackReading(packReading(pass))).toEqual(pass);
  const without = { ...passAt(NOW, 0), connections: null, connectionsTotal: null, pssBytes: null };
  expect(unpackReading(packReading(without))).toEqual(without);
});

test('takes few bytes an agent', () => {
  expect(packReading(passAt(NOW, 10_000)).columns.length).toBeLessThan(10_000 * 12);
});

test('keeps every pass of a day and one an hour of a month', () => {
  for (let at = NOW - 40 * 24 * HOUR; at <= NOW; at += HOUR / 4) store.add('web', passAt(at));
  const kept = times();
  const day = kept.filter((at) => at >= NOW - 24 * HOUR);
  const older = kept.filter((at) => at < NOW - 25 * HOUR);
  expect(day.length).toBe(24 * 4 + 1);
  expect(older.every((at) => at % HOUR === 0)).toBe(true);
  // What is due goes with the next look, up to 16 passes later.
  expect(older[0]).toBeGreaterThanOrEqual(NOW - 30 * 24 * HOUR - 4 * HOUR);
  expect(older.length).toBeGreaterThanOrEqual(29 * 24 - 1);
});

test('is bounded, however often samples are taken', () => {
  for (let i = 0; i < 4_000; i++) store.add('web', passAt(NOW + i * 100));
  expect(times().length).toBeLessThan(1_500 + 16 + 2);
  expect(times().at(-1)).toBe(NOW + 3_999 * 100);
});

test('gives what is asked for, of one fleet, oldest first, also after a restart', () => {
  for (const at of [3, 1, 2]) store.add('web', passAt(NOW + at));
  store.add('other', passAt(NOW + 2));
  store.close();
  store = new ReadingStore(join(directory, 'samples.db'));
  expect(times(NOW + 2)).toEqual([NOW + 2, NOW + 3]);
  store.remove('web');
  expect(times()).toEqual([]);
  expect([...store.read('other', 0)]).toHaveLength(1);
});

test('begins anew where its file was damaged while it was open, and says so', () => {
  // More than SQLite keeps in memory, or nothing would be read again.
  for (let i = 0; i < 80; i++) store.add('web', passAt(NOW + i, 10_000));
  store.close();
  const path = join(directory, 'samples.db');
  store = new ReadingStore(path);
  const said: string[] = [];
  store.onNotice = (text) => said.push(text);
  const healthy = readFileSync(path);
  expect(healthy.length).toBeGreaterThan(3_000_000);
  writeFileSync(path, healthy.fill(7, 8_192));
  expect([...store.read('web', 0)].length).toBeLessThan(80);
  store.add('web', passAt(NOW + 100));
  expect(times().at(-1)).toBe(NOW + 100);
  expect(said).toEqual([expect.stringContaining('samples.db')]);
});

test('leaves out what cannot be read, and what a clock that was set back has left in the future', () => {
  for (let i = 0; i < 20; i++) store.add('web', passAt(NOW + i));
  store.add('web', passAt(NOW + HOUR));
  for (let i = 20; i < 40; i++) store.add('web', passAt(NOW + i));
  expect(times().at(-1)).toBe(NOW + 39);
  const db = new DatabaseSync(join(directory, 'samples.db'));
  db.prepare("UPDATE passes SET columns = x'00' WHERE at = ?").run(NOW);
  db.close();
  expect(times()[0]).toBe(NOW + 1);
});
