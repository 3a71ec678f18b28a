import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPid } from '../../src/host/files/pid-file.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleetd-pid-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test.each([
  ['4711\n', 4_711],
  ['  7 ', 7],
  ['', null],
  ['0', null],
  ['-1', null],
  ['12 13', null],
  ['1'.repeat(100), null],
])('of a file with %j, the pid is %j', (content, pid) => {
  writeFileSync(join(root, 'pid'), content);
  expect(readPid('pid', root)).toBe(pid);
  expect(readPid(join(root, 'pid'), '/')).toBe(pid);
});

test('nothing else is read, and nothing is waited for', () => {
  writeFileSync(join(root, 'pid'), '7');
  symlinkSync('pid', join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  for (const name of ['link', 'fifo', '.', 'nothing']) expect(readPid(name, root)).toBeNull();
  expect(readPid('/dev/zero', root)).toBeNull();
});
