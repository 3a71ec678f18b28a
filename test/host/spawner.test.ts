import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { readStat } from '../../src/host/proc/stat.ts';
import { type SpawnedProcess, Spawner } from '../../src/host/process/spawner.ts';
import { reapPid } from '../../src/host/sys/pidfd.ts';
import type { Result } from '../../src/host/sys/result.ts';
import { Scratch } from './processes.ts';

const spawner = new Spawner(() => {});
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

test('one that cannot be forked keeps no other back, and says which call failed', () => {
  const nowhere = scratch.launch('', { cgroup: '/nonexistent' });
  const outcomes = spawner.start([nowhere, scratch.launch('echo here')]);
  const error = { code: 'ENOENT', syscall: 'cgroup', errno: constants.errno.ENOENT };
  expect(outcomes[0]).toMatchObject({ ok: false, error });
  reapPid(started(outcomes[1]!).pid);
  expect(scratch.read('out.2')).toBe('here\n');
});

test('starts more than the socket has room for, and one whose words fill many pages', () => {
  const long = 'x'.repeat(100_000);
  const launches = Array.from({ length: 200 }, (_, i) =>
    scratch.launch('printf "%s" "$A" | wc -c; echo "$B"', {
      env: [`A=${i % 50 === 0 ? long : ''}`, `B=${i}`],
    }),
  );
  for (const outcome of spawner.start(launches)) reapPid(started(outcome).pid);
  const outputs = launches.map((_, i) => scratch.read(`out.${i + 1}`));
  expect(outputs).toEqual(launches.map((_, i) => `${i % 50 === 0 ? 100_000 : 0}\n${i}\n`));
});

test('a launcher that was killed is replaced, and no order is carried out twice or not at all', () => {
  const other = new Spawner(() => {});
  try {
    const [first] = [other.launcherPid!];
    process.kill(first, 'SIGKILL');
    const outcomes = other.start([1, 2, 3].map(() => scratch.launch('echo once')));
    for (const outcome of outcomes) reapPid(started(outcome).pid);
    expect([1, 2, 3].map((i) => scratch.read(`out.${i}`))).toEqual(['once\n', 'once\n', 'once\n']);
    expect(other.launcherPid).not.toBe(first);
    expect(readStat(first)).toBeNull();
  } finally {
    other.close();
  }
});

test('a launcher that was stopped is ended and replaced, and no order is carried out twice or not at all', () => {
  const other = new Spawner(() => {}, 300);
  try {
    const first = other.launcherPid!;
    process.kill(first, 'SIGSTOP');
    const outcomes = other.start([1, 2, 3].map(() => scratch.launch('echo once')));
    for (const outcome of outcomes) reapPid(started(outcome).pid);
    expect([1, 2, 3].map((i) => scratch.read(`out.${i}`))).toEqual(['once\n', 'once\n', 'once\n']);
    expect(readStat(first)).toBeNull();
  } finally {
    other.close();
  }
});

/** Runs with few descriptors, and leaves fewer and fewer of them free; says how often a start failed, and what stayed open. */
const SHORTAGE = `
  import { openSync, readdirSync } from 'node:fs';
  const { LauncherProcess } = await import('${new URL('../../src/host/launcher/launcher-process.ts', import.meta.url).href}');
  const reports = openSync('/dev/null', 'w');
  const open = () => readdirSync('/proc/self/fd').length;
  let failed = 0, left = 0;
  try {
    for (;;) {
      openSync('/dev/null');
      const before = open();
      try { new LauncherProcess(reports, 1000).close(); } catch { failed++; }
      left += open() - before;
    }
  } catch {}
  console.log(JSON.stringify({ failed: failed > 2, left }));`;

test('a launcher that cannot be started for want of descriptors leaves none of them open', () => {
  const shell = 'ulimit -n 64; exec "$0" --input-type=module -e "$1"';
  const output = execFileSync('sh', ['-c', shell, process.execPath, SHORTAGE], { encoding: 'utf8' });
  expect(JSON.parse(output)).toEqual({ failed: true, left: 0 });
});

test('the launcher ends with the socket, and holds nothing of ours but it and the pipe of reports', () => {
  const other = new Spawner(() => {});
  const pid = other.launcherPid!;
  reapPid(started(other.start([scratch.launch('true')])[0]!).pid);
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) =>
    readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\d+/, ''),
  );
  expect(links.sort()).toEqual(['/dev/null', '/dev/null', '/dev/null', 'pipe:[]', 'socket:[]']);
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
  other.close();
  expect(readStat(pid)).toBeNull();
});

test('tells of each launch by itself what kept it from its program', () => {
  const launches = [
    scratch.launch('', { path: '/nonexistent' }),
    scratch.launch('true'),
    scratch.launch('', { cwd: '/nonexistent' }),
    scratch.launch('exit 127'),
  ];
  const outcomes = spawner.start(launches).map(started);
  const failures = outcomes.map(
    ({ pid, launch }) => spawner.failureOf(launch, reapPid(pid))?.message ?? null,
  );
  expect(failures).toEqual(['execve: ENOENT', null, 'chdir: ENOENT', null]);
  expect(spawner.failureOf(outcomes[0]!.launch, { code: 127, signal: null })).toBeNull();
});

test('hands over a descriptor that this thread has opened since', () => {
  const fd = openSync(scratch.path('handed'), 'w');
  const launch = scratch.launch('echo over', { output: { fd } });
  reapPid(started(spawner.start([launch])[0]!).pid);
  closeSync(fd);
  expect(readFileSync(scratch.path('handed'), 'utf8')).toBe('over\n');
});
