import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { discard, finishPurges, setDirectoriesAside } from '../../src/host/files/purge.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

/** A directory of a fleet, with a file in it. */
function make(name: string): string {
  mkdirSync(scratch.path(`fleets/${name}/0`), { recursive: true });
  writeFileSync(scratch.path(`fleets/${name}/0/file`), '');
  return scratch.path(`fleets/${name}`);
}

const names = () => readdirSync(scratch.path('fleets')).sort();

test('deletes directories and follows no link in them', async () => {
  const path = make('-rf');
  mkdirSync(scratch.path('outside'));
  writeFileSync(scratch.path('outside/precious'), '');
  symlinkSync(scratch.path('outside'), `${path}/0/link`);
  await discard([path, scratch.path('missing')]);
  expect(names()).toEqual([]);
  expect(existsSync(scratch.path('outside/precious'))).toBe(true);
});

test('the places are free at once, and what is made there meanwhile stays', async () => {
  const path = make('web');
  const gone = discard([path]);
  expect(existsSync(path)).toBe(false);
  make('web');
  await gone;
  expect(names()).toEqual(['web']);
});

test('what is not decided comes back', () => {
  const path = make('web');
  const aside = setDirectoriesAside([path]);
  expect(existsSync(path)).toBe(false);
  aside.restore();
  expect(existsSync(`${path}/0/file`)).toBe(true);
  expect(names()).toEqual(['web']);
});

test('where one cannot be moved, all are where they were', () => {
  const path = make('web');
  writeFileSync(scratch.path('file'), '');
  expect(() => setDirectoriesAside([path, scratch.path('file/below')])).toThrow('ENOTDIR');
  expect(names()).toEqual(['web']);
});

test('a supervisor that was killed before the decision has the directories put back, after it deleted', async () => {
  setDirectoriesAside([make('kept')]);
  setDirectoriesAside([make('forgotten')]);
  // Cut off after the decision: set aside for good, not deleted.
  const [decided] = names().filter((name) => name.includes('-forgotten-'));
  mkdirSync(scratch.path(`fleets/${decided!.replace('.purging-forgotten', '.purged-kept')}`));
  make('other');
  await finishPurges(scratch.path('fleets'), (name) => name === 'kept');
  expect(names()).toEqual(['kept', 'other']);
  expect(existsSync(scratch.path('fleets/kept/0/file'))).toBe(true);
  await finishPurges(scratch.path('missing'), () => true);
});
