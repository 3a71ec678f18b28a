import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EventStore } from '../../src/store/events.ts';
import { closing, temporary } from './places.ts';

test('a file that is damaged is set aside, and begun anew', () => {
  const path = join(temporary(), 'events.db');
  writeFileSync(path, 'no database at all, but long enough to be taken for one that was altered'.repeat(99));
  const store = closing(new EventStore(path));
  expect(store.notice).toContain('replaced by an empty one');
});

test('one that cannot be opened is left where it is, and that is named', () => {
  const directory = temporary();
  const path = join(directory, 'events.db');
  mkdirSync(path);
  expect(() => new EventStore(path)).toThrow(
    expect.objectContaining({
      code: 'STATE_UNUSABLE',
      message: expect.stringContaining(`cannot open ${path}`),
    }),
  );
  expect(readdirSync(directory)).toEqual(['events.db']);
});
