import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import type { ProcessId } from '../../src/host/host.ts';
import { reapPid } from '../../src/host/pidfd.ts';
import { readStat } from '../../src/host/proc/stat.ts';
import { withSoftLimit } from '../../src/host/rlimit.ts';
import { Spawner } from '../../src/host/spawner.ts';
import { Scratch } from './processes.ts';

const spawner = new Spawner();
afterAll(() => spawner.close());
let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

const started = (outcome: ProcessId | Error | undefined): ProcessId => {
  if (!outcome || outcome instanceof Error) throw outcome;
  return outcome;
};

test('starts children of this process, in order, and knows since when they run', () => {
  const launches = ['echo 0', 'echo 1', 'echo 2'].map((script) => scratch.launch(script));
  const outcomes = spawner.start(launches).map(started);
  for (const [i, { pid, startTicks }] of outcomes.entries()) {
    const stat = readStat(pid)!;
    expect(stat).toMatchObject({ startTicks, parent: process.pid });
    reapPid(pid);
    expect(scratch.read(`out.${i + 1}`)).toBe(`${i}\n`);
  }
});

test('one that cannot be started keeps no other back, and says which call failed', () => {
  const outcomes = spawner.start([scratch.launch('', { path: '/nonexistent' }), scratch.launch('echo here')]);
  expect(outcomes[0]).toMatchObject({
    code: 'ENOENT',
    syscall: 'posix_spawn',
    errno: constants.errno.ENOENT,
  });
  reapPid(started(outcomes[1]).pid);
  expect(scratch.read('out.2')).toBe('here\n');
});

test('all get the soft limit of open files that this process has at that time', () => {
  const launches = [0, 1, 2].map(() => scratch.launch('ulimit -Sn'));
  const outcomes = withSoftLimit('nofile', 64, () => spawner.start(launches));
  for (const outcome of outcomes) reapPid(started(outcome).pid);
  expect([1, 2, 3].map((i) => scratch.read(`out.${i}`))).toEqual(['64\n', '64\n', '64\n']);
});

test('hands over a descriptor that this thread has opened since', () => {
  const fd = openSync(scratch.path('handed'), 'w');
  const launch = scratch.launch('echo over', { output: { fd } });
  reapPid(started(spawner.start([launch])[0]).pid);
  closeSync(fd);
  expect(readFileSync(scratch.path('handed'), 'utf8')).toBe('over\n');
});

test('says what could not be moved', async () => {
  writeFileSync(scratch.path('procs'), '');
  const moves = [
    { pid: 7, file: scratch.path('procs') },
    { pid: 8, file: scratch.path('nowhere/procs') },
  ];
  const [first, second] = await spawner.move(moves);
  expect(first).toBeNull();
  expect(second).toMatchObject({ code: 'ENOENT' });
  expect(scratch.read('procs')).toBe('7');
});
