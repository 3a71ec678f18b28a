import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freshWish } from '../../src/fleet/agent.ts';
import type { ReleaseRecord, SlotRecord } from '../../src/fleet/records.ts';
import type { StoredChange } from '../../src/store/wanted-tables.ts';
import { specOf } from '../fleet/fleets.ts';

/** A directory for one test, gone after it. */
export function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'fleetd-store-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Closes a store after the test, also where that fails. */
export function closing<T extends { close(): void }>(store: T): T {
  onTestFinished(() => {
    try {
      store.close();
    } catch {} // The test has closed it.
  });
  return store;
}

/** Overwrites some bytes of a file in place. */
export function overwrite(path: string, at: number, bytes: Buffer | string): void {
  const content = readFileSync(path);
  Buffer.from(bytes).copy(content, at);
  writeFileSync(path, content);
}

export function slot(number: number, change: Partial<SlotRecord> = {}): SlotRecord {
  return { slot: number, wanted: true, ...freshWish('r1', false), ...change };
}

export function release(id: string): ReleaseRecord {
  return {
    id,
    path: '/bin/agent',
    argv: ['agent', '{port}'],
    env: { A: '1' },
    secrets: { TOKEN: 'secret' },
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

/** The first change of a fleet. */
export type NewFleet = Required<Omit<StoredChange, 'prepared' | 'completed'>>;

/** A fleet of so many slots, as the first `spawn` writes it. */
export function newFleet(count: number, name = 'f'): NewFleet {
  return {
    record: { name, spec: specOf({ name }), baseDir: '/', release: 'r1', hold: null, recreate: false },
    release: release('r1'),
    forgotten: [],
    slots: Array.from({ length: count }, (_, number) => slot(number)),
  };
}
