import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Launch } from '../../src/host/launcher/launch.ts';
import { Spawner, spawnProcess } from '../../src/host/process/spawner.ts';
import { libc } from '../../src/host/sys/libc.ts';
import { closeFd, reapPid } from '../../src/host/sys/pidfd.ts';
import { getLimit } from '../../src/host/sys/rlimit.ts';
import { NOT_ROOT, Scratch } from './processes.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

/** Runs a script to its end and gives what it wrote. */
function outputOf(script: string, changes: Parameters<Scratch['launch']>[1] = {}): string {
  const launch = scratch.launch(script, changes);
  reapPid(spawnProcess(launch));
  return 'path' in launch.output ? readFileSync(launch.output.path, 'utf8') : '';
}

test('hands over the whole environment that is named, and nothing of its own', () => {
  const text = outputOf('tr "\\0" "\\n" < /proc/self/environ', {
    env: ['A=1', 'PATH=/bin:/usr/bin', 'B=two words', 'C='],
  });
  expect(text.trimEnd().split('\n')).toEqual(['A=1', 'PATH=/bin:/usr/bin', 'B=two words', 'C=']);
});

test('hands over arguments as they are', () => {
  const argv = ['sh', '-c', 'printf "[%s]" "$0" "$@"', '', 'a b', "'", '*', 'ü\n'];
  expect(outputOf('', { argv })).toBe("[][a b]['][*][ü\n]");
});

test('leaves no descriptor but 0 to 2: nothing in, everything to its output', () => {
  // Whatever Node opens is marked close-on-exec; what a caller of ours left open is not.
  const inheritable = libc.socket(AF_UNIX, SOCK_STREAM, 0);
  const text = outputOf('exec ls -l /proc/self/fd');
  closeFd(inheritable);
  const fds = [...text.matchAll(/(\d+) -> (.*)/g)].map(([, fd, target]) => [fd, target]);
  const own = fds.filter(([, target]) => !/^\/proc\/\d+\/fd$/.test(target!));
  expect(own).toEqual([
    ['0', '/dev/null'],
    ['1', scratch.path('out.1')],
    ['2', scratch.path('out.1')],
  ]);
});

test('leads a session and a group of its own, with no signal ignored or blocked', () => {
  const stat = outputOf('cat /proc/$$/stat').trim().split(' ');
  expect([stat[4], stat[5], stat[6]]).toEqual([stat[0], stat[0], '0']);
  const status = outputOf('grep ^Sig /proc/self/status');
  expect(status).toMatch(/SigBlk:\t0+\n/);
  expect(status).toMatch(/SigIgn:\t0+\n/);
});

test('stands in its directory', () => {
  expect(outputOf('pwd -P', { cwd: '/usr' })).toBe('/usr\n');
});

test('adds to what its output has', () => {
  const path = scratch.path('log');
  writeFileSync(path, 'before\n');
  outputOf('echo out; echo error >&2', { output: { path } });
  expect(readFileSync(path, 'utf8')).toBe('before\nout\nerror\n');
});

test('makes an output that is not for others to read', () => {
  const umask = process.umask(0o022);
  outputOf('true');
  process.umask(umask);
  expect(statSync(scratch.path('out.1')).mode & 0o777).toBe(0o640);
});

test('takes an open descriptor as its output', () => {
  const fd = openSync(scratch.path('handed'), 'w');
  reapPid(scratch.start('echo here', { output: { fd } }));
  closeSync(fd);
  expect(scratch.read('handed')).toBe('here\n');
});

test('writes through no link that somebody put in place of the output', () => {
  writeFileSync(scratch.path('precious'), 'as it was');
  symlinkSync(scratch.path('precious'), scratch.path('link'));
  expect(failureOf({ output: { path: scratch.path('link') } })).toBe('output: ELOOP');
  expect(scratch.read('precious')).toBe('as it was');
});

/** What a launch that comes to nothing fails with: at the fork, or by its report. */
function failureOf(changes: Parameters<Scratch['launch']>[1]): string | undefined {
  const spawner = new Spawner(() => {});
  try {
    const [outcome] = spawner.start([scratch.launch('true', changes)]);
    if (!outcome!.ok) return outcome!.error.message;
    const exit = reapPid(outcome!.value.pid);
    expect(exit).toEqual({ code: 127, signal: null });
    return spawner.failureOf(outcome!.value.launch, exit)?.message;
  } finally {
    spawner.close();
  }
}

test.each([
  ['execve: ENOENT', { path: '/nonexistent/program' }],
  ['output: ENOENT', { output: { path: '/nonexistent/log' } }],
  ['execve: EACCES', { path: '/etc/passwd' }],
  ['chdir: ENOENT', { cwd: '/nonexistent' }],
  ['cgroup: ENOENT', { cgroup: '/nonexistent' }],
  ['nofile: EINVAL', { limits: { nofile: { soft: 2, hard: 1 } } }],
  ['execve: E2BIG', { env: [`A=${'x'.repeat(2 ** 18)}`] }],
])('reports %s', (failure, changes) => {
  expect(failureOf(changes)).toBe(failure);
});

test('reports that the executable is open for writing', () => {
  const path = scratch.path('busy');
  writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
  const fd = openSync(path, 'r+');
  try {
    // A script of which the interpreter runs is not busy; a program is.
    writeFileSync(fd, readFileSync('/bin/true'));
    expect(failureOf({ path, argv: ['busy'] })).toBe('execve: ETXTBSY');
  } finally {
    closeSync(fd);
  }
});

test('gives a process the limits and the mask that are named, and keeps its own', () => {
  const own = getLimit('nofile');
  const text = outputOf('ulimit -Sn; ulimit -Hn; umask; cat /proc/self/oom_score_adj', {
    limits: { nofile: { soft: 64, hard: 128 } },
    umask: 0o027,
    oomScoreAdj: 300,
  });
  expect(text).toBe('64\n128\n0027\n300\n');
  expect(getLimit('nofile')).toEqual(own);
});

const MODULES = ['process/spawner', 'sys/pidfd'].map(
  (name) => new URL(`../../src/host/${name}.ts`, import.meta.url).href,
);

/** The system calls by which a launch becomes its program, in order, as strace sees them. */
function tracedCalls(changes: Partial<Launch>): string[] {
  const launch = JSON.stringify(scratch.launch('true', changes));
  const script = `const [{ spawnProcess }, { reapPid }] = [await import('${MODULES[0]}'), await import('${MODULES[1]}')];
    reapPid(spawnProcess(${launch}));`;
  const trace = scratch.path('trace');
  const node = [process.execPath, '--input-type=module', '-e', script];
  const ended = spawnSync('strace', [
    '-f',
    '-s',
    '256',
    '-e',
    'trace=%file,%creds,fchdir',
    '-o',
    trace,
    ...node,
  ]);
  expect(ended.status).toBe(0);
  const lines = readFileSync(trace, 'utf8')
    .split('\n')
    .map((line) => /^(\d+)\s+(.*)$/.exec(line)?.slice(1) ?? []);
  const [launcher] = lines.find(([, call]) => call?.startsWith('execve("/proc/self/fd/6"')) ?? [];
  const [child] = lines.find(([, call]) => call?.startsWith('setresuid(')) ?? [];
  return lines.filter(([by]) => by === launcher || by === child).map(([, call]) => call!);
}

describe.skipIf(NOT_ROOT)('another user (needs root)', () => {
  const USER = { uid: 31_000, gid: 31_001, groups: [31_002, 31_003] };

  test('is all that a process is, with no capability and no way to more', () => {
    const text = outputOf('cat /proc/self/status', { user: USER, cwd: '/' });
    expect(text).toMatch(/^Uid:\t31000\t31000\t31000\t31000$/m);
    expect(text).toMatch(/^Gid:\t31001\t31001\t31001\t31001$/m);
    expect(text).toMatch(/^Groups:\t31002 31003 $/m);
    for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) expect(text).toMatch(new RegExp(`^Cap${set}:\t0+$`, 'm'));
    expect(text).toMatch(/^NoNewPrivs:\t1$/m);
  });

  test('cannot enter a directory that is closed to it', () => {
    expect(failureOf({ user: USER, cwd: '/root' })).toBe('chdir: EACCES');
  });

  test('finds nothing of an environment or a directory in effect before it is there', () => {
    // What ld.so would do for any program with libraries that root runs: load this, and run its constructor.
    const trap = {
      env: ['PATH=/bin:/usr/bin', 'LD_PRELOAD=trap.so', 'LD_LIBRARY_PATH=', 'LD_AUDIT=./trap.so'],
    };
    const calls = tracedCalls({ ...trap, user: USER, cwd: '/' });
    const change = calls.findIndex((call) => call.startsWith('setresuid(31000, 31000, 31000)'));
    expect(change).toBeGreaterThan(0);
    const before = calls.slice(0, change);
    const after = calls.slice(change);
    // As root: the launcher out of memory, with one word and an empty environment, from the root directory.
    expect(before.filter((call) => /^execve/.test(call))).toEqual([
      expect.stringMatching(
        /^execve\("\/proc\/self\/fd\/6", \["fleetd-launcher"\], 0x\w+ \/\* 0 vars \*\/(\) = 0| <unfinished \.{3}>)$/,
      ),
    ]);
    expect(before.filter((call) => /trap|LD_|open.*\.so/.test(call))).toEqual([]);
    expect(before.some((call) => call.startsWith('prctl(PR_SET_NO_NEW_PRIVS, 1'))).toBe(true);
    expect(after.findIndex((call) => call.startsWith('fchdir(4)'))).toBeGreaterThan(0);
    expect(after.some((call) => /^execve\("\/bin\/sh"/.test(call))).toBe(true);
  });
});
