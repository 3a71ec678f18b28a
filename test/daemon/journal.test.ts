import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Journal } from '../../src/daemon/shared/journal.ts';
import { EventStore } from '../../src/store/events.ts';

const directory = mkdtempSync(join(tmpdir(), 'fleet-journal-'));
const store = new EventStore(join(directory, 'events.db'));
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

test('tells what happened in the turn that is not over yet', () => {
  const journal = new Journal(store, () => new Date(0));
  journal.slot('exit', 'web', 3, 'exited 1');
  journal.slot('exit', 'web', 4, 'exited 1');
  journal.slot('start', 'web', 3, 'it exited');
  const told = journal.read('web', 0, 10).map(({ type, slots, reason }) => [type, slots, reason]);
  expect(told).toEqual([
    ['exit', '3-4', 'exited 1'],
    ['start', '3', 'it exited'],
  ]);
  expect(journal.read('web', 0, 10)).toHaveLength(2);
});
