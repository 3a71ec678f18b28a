import { closeSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { libc } from '../../src/host/libc.ts';
import { closeFd, reapPid } from '../../src/host/pidfd.ts';
import { getLimit, withSoftLimit } from '../../src/host/rlimit.ts';
import { spawnProcess } from '../../src/host/spawn.ts';
import { Scratch } from './processes.ts';

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
  expect(() => scratch.start('echo harm', { output: { path: scratch.path('link') } })).toThrow('ELOOP');
  expect(scratch.read('precious')).toBe('as it was');
});

test.each([
  ['ENOENT', { path: '/nonexistent/program' }],
  ['EACCES', { path: '/etc/passwd' }],
  ['ENOENT', { cwd: '/nonexistent' }],
  ['ENOENT', { output: { path: '/nonexistent/log' } }],
])('says %s at once where %j cannot be', (code, changes) => {
  expect(() => scratch.start('true', changes)).toThrow(
    expect.objectContaining({ code, syscall: 'posix_spawn' }),
  );
});

test('says that the executable is open for writing', () => {
  const path = scratch.path('busy');
  writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
  const fd = openSync(path, 'r+');
  try {
    // A script of which the interpreter runs is not busy; a program is.
    writeFileSync(fd, readFileSync('/bin/true'));
    expect(() => scratch.start('', { path, argv: ['busy'] })).toThrow(
      expect.objectContaining({ code: 'ETXTBSY' }),
    );
  } finally {
    closeSync(fd);
  }
});

test('inherits a soft limit that is lower than what this process has open, which itself keeps its own', () => {
  const own = getLimit('nofile');
  // Beyond the lowest free descriptor, so that a child that had to open a file above 2 would fail.
  const fds = Array.from({ length: 100 }, () => openSync('/dev/null', 'r'));
  try {
    const pid = withSoftLimit('nofile', 64, () => scratch.start('ulimit -Sn; ulimit -Hn'));
    reapPid(pid);
    expect(getLimit('nofile')).toEqual(own);
    const hard = own.hard === Number.POSITIVE_INFINITY ? 'unlimited' : String(own.hard);
    expect(scratch.read('out.1')).toBe(`64\n${hard}\n`);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
});

test('the soft limit comes back whatever happens meanwhile', () => {
  const own = getLimit('nofile');
  expect(() =>
    withSoftLimit('nofile', 64, () => {
      throw new Error('meanwhile');
    }),
  ).toThrow('meanwhile');
  expect(getLimit('nofile')).toEqual(own);
  if (own.hard < Number.POSITIVE_INFINITY)
    expect(() => withSoftLimit('nofile', own.hard + 1, () => {})).toThrow('EINVAL');
});
