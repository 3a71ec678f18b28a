import { closeSync, constants as files, openSync, readFileSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { readStat } from '../../src/host/proc/stat.ts';
import { type SpawnedProcess, Spawner } from '../../src/host/process/spawner.ts';
import { libc } from '../../src/host/sys/libc.ts';
import { closeFd, reapPid } from '../../src/host/sys/pidfd.ts';
import { openPipe } from '../../src/host/sys/pipe.ts';
import type { Result } from '../../src/host/sys/result.ts';
import { Scratch } from './processes.ts';

const F_SETFL = 4;

const spawner = new Spawner();
afterAll(() => spawner.close());
let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

const started = (outcome: Result<SpawnedProcess>): SpawnedProcess => {
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
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
  const nowhere = scratch.launch('', { output: { path: '/nonexistent/log' } });
  const outcomes = spawner.start([nowhere, scratch.launch('echo here')]);
  const error = { code: 'ENOENT', syscall: 'posix_spawn', errno: constants.errno.ENOENT };
  expect(outcomes[0]).toMatchObject({ ok: false, error });
  reapPid(started(outcomes[1]!).pid);
  expect(scratch.read('out.2')).toBe('here\n');
});

test('tells of each launch by itself what kept it from its program', () => {
  const launches = [
    scratch.launch('', { path: '/nonexistent' }),
    scratch.launch('true'),
    scratch.launch('', { cwd: '/nonexistent' }),
    scratch.launch('exit 127'),
  ];
  const outcomes = spawner.start(launches).map(started);
  for (const { pid } of outcomes) reapPid(pid);
  const failures = outcomes.map(({ launch }) => spawner.failureOf(launch)?.message ?? null);
  expect(failures).toEqual(['execve: ENOENT', null, 'chdir: ENOENT', null]);
  expect(spawner.failureOf(outcomes[0]!.launch)).toBeNull();
});

test('hands over a descriptor that this thread has opened since', () => {
  const fd = openSync(scratch.path('handed'), 'w');
  const launch = scratch.launch('echo over', { output: { fd } });
  reapPid(started(spawner.start([launch])[0]!).pid);
  closeSync(fd);
  expect(readFileSync(scratch.path('handed'), 'utf8')).toBe('over\n');
});

test('threads keep no end of a pipe that was open as they left: a fork of Node waits for the last one', async () => {
  const other = new Spawner();
  // As uv_spawn() opens it, and long before the threads have loaded their code.
  const { read, write } = openPipe();
  try {
    // One for each thread: what has started something has left.
    const launches = [scratch.launch('true'), scratch.launch('true')];
    for (const outcome of other.start(launches)) reapPid(started(outcome).pid);
    closeFd(write);
    expect(pollPipe(read)).toBe('end');
  } finally {
    closeFd(read);
    await other.close();
  }
});

/** Without waiting: a pipe is at its end, or has writers that have written nothing. */
function pollPipe(fd: number): 'end' | 'open' {
  libc.fcntl(fd, F_SETFL, files.O_NONBLOCK);
  try {
    return readSync(fd, Buffer.alloc(1)) === 0 ? 'end' : 'open';
  } catch {
    return 'open';
  }
}
