import { mkdirSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OwnLog } from '../../src/host/state/own-log.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

test('keeps what is there, and appends', () => {
  writeFileSync(scratch.path('log'), 'before\n');
  const log = new OwnLog(scratch.path('log'));
  log.write('a\n');
  log.write('b\n');
  expect(scratch.read('log')).toBe('before\na\nb\n');
});

test('drops what cannot be written, without a word to its writer, and counts it once it can be', () => {
  mkdirSync(scratch.path('log'));
  const log = new OwnLog(scratch.path('log'));
  log.write('a\n');
  log.write('b\n');
  rmdirSync(scratch.path('log'));
  log.write('c\n');
  log.write('d\n');
  const [gap, ...lines] = scratch.read('log').split('\n');
  expect(JSON.parse(gap!)).toMatchObject({ level: 40, msg: '2 lines could not be written here: EISDIR' });
  expect(lines).toEqual(['c', 'd', '']);
});

test('a disk that is full raises nothing', () => {
  const log = new OwnLog('/dev/full');
  for (let i = 0; i < 3; i++) log.write('a line\n');
});

test('is bounded: one that is full is kept once, and begun again', () => {
  const log = new OwnLog(scratch.path('log'), 20);
  for (let i = 0; i < 9; i++) log.write(`line ${i}\n`);
  expect(scratch.read('log.1')).toBe('line 3\nline 4\nline 5\n');
  expect(scratch.read('log')).toBe('line 6\nline 7\nline 8\n');
});

test('also where an earlier supervisor has filled it', () => {
  writeFileSync(scratch.path('log'), 'x'.repeat(50));
  new OwnLog(scratch.path('log'), 20).write('a\n');
  expect(statSync(scratch.path('log.1')).size).toBe(50);
  expect(scratch.read('log')).toBe('a\n');
});

test('one that was moved away is begun again', () => {
  const log = new OwnLog(scratch.path('log'));
  log.write('a\n');
  renameSync(scratch.path('log'), scratch.path('log.old'));
  log.write('b\n');
  expect(scratch.read('log')).toBe('b\n');
});
