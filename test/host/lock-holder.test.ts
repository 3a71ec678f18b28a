import { closeSync, openSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWait } from '../../src/host/proc/wait-point.ts';
import { takeLock } from '../../src/host/state/lock.ts';
import { lockHolder, parseLocks } from '../../src/host/state/lock-holder.ts';
import { libc } from '../../src/host/sys/libc.ts';
import { until } from '../e2e/harness.ts';
import { Scratch } from './processes.ts';

const LOCK_SHARED = 1;

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

test('reads exclusive flocks out of /proc/locks, and nothing else', () => {
  const text = `1: FLOCK  ADVISORY  WRITE 40 fd:01:5678 0 EOF
2: POSIX  ADVISORY  WRITE 41 00:17:5678 0 EOF
3: FLOCK  ADVISORY  READ 42 fd:01:5678 0 EOF
3: -> FLOCK  ADVISORY  WRITE 43 fd:01:5678 0 EOF
4: FLOCK  ADVISORY  WRITE 44 00:2a:99 0 EOF`;
  expect(parseLocks(text)).toEqual([
    { pid: 40, inode: 5678 },
    { pid: 44, inode: 99 },
  ]);
});

test('names the process that holds a lock, whatever the file says', () => {
  const path = scratch.path('lock');
  expect(lockHolder(path)).toBeNull();
  const lock = takeLock(path);
  expect(lockHolder(path)).toBe(process.pid);
  if (lock.ok) lock.value();
  expect(lockHolder(path)).toBeNull();
});

test('nobody holds a file that is only open, or locked by readers', () => {
  const fd = openSync(scratch.path('lock'), 'w');
  expect(lockHolder(scratch.path('lock'))).toBeNull();
  libc.flock(fd, LOCK_SHARED);
  expect(lockHolder(scratch.path('lock'))).toBeNull();
  closeSync(fd);
});

test('a process that waits is described by where it does', async () => {
  const pid = scratch.start('exec sleep 1000');
  await until(() => describeWait(pid).startsWith('state S'));
  expect(describeWait(pid)).toMatch(/^state S, wchan \w+/);
  expect(describeWait(2 ** 22 + 1)).toBe('');
});
