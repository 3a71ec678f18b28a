import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EpollSet } from '../../src/host/process/epoll.ts';
import {
  closeFd,
  killIf,
  openPidfd,
  orKill,
  reapPid,
  reapPidfd,
  signalPidfd,
} from '../../src/host/sys/pidfd.ts';
import { until } from '../e2e/harness.ts';
import { isLive, Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

/** Waits for the end of a child and tells how it ended. */
async function endOf(pid: number) {
  const pidfd = openPidfd(pid)!;
  try {
    await until(() => !isLive(pid));
    return reapPidfd(pidfd);
  } finally {
    closeFd(pidfd);
  }
}

test.each([
  ['exit 0', { code: 0, signal: null }],
  ['exit 7', { code: 7, signal: null }],
  ['exit 255', { code: 255, signal: null }],
  ['kill -KILL $$', { code: null, signal: 'SIGKILL' }],
  ['kill -TERM $$', { code: null, signal: 'SIGTERM' }],
  ['ulimit -c 0; kill -SEGV $$', { code: null, signal: 'SIGSEGV' }],
  ['kill -40 $$', { code: null, signal: 'SIGRTMIN+6' }],
])('tells how a child ended: %s', async (script, status) => {
  expect(await endOf(scratch.start(script))).toEqual(status);
});

test('tells nothing of a child that still runs', () => {
  const pidfd = openPidfd(scratch.start('exec sleep 1000'))!;
  expect(reapPidfd(pidfd)).toBeNull();
  closeFd(pidfd);
});

test('cannot know how a process ended that is nobody’s child here', async () => {
  scratch.start('(echo $$ >&2; exec sh -c "echo \\$\\$ > orphan; exec sleep 1000") & sleep 0.1');
  const [pid] = await scratch.pids('orphan', 1);
  const pidfd = openPidfd(pid!)!;
  await until(() => isLive(pid!));
  expect(signalPidfd(pidfd, 'SIGKILL')).toBe(true);
  await until(() => !isLive(pid!));
  expect(reapPidfd(pidfd)).toBeNull();
  closeFd(pidfd);
});

test('leaves other children to those who wait for them', async () => {
  const nodes = spawn('/bin/sh', ['-c', 'exit 3']);
  const nodesEnd = once(nodes, 'exit');
  const other = scratch.start('exit 5');
  expect(await endOf(scratch.start('exit 4'))).toEqual({ code: 4, signal: null });
  expect(await nodesEnd).toEqual([3, null]);
  expect(await endOf(other)).toEqual({ code: 5, signal: null });
});

test('a signal to what has ended is said to have come too late, even while it is a zombie', async () => {
  const pid = scratch.start('exit 0');
  const pidfd = openPidfd(pid)!;
  await until(() => !isLive(pid));
  reapPid(pid);
  expect(signalPidfd(pidfd, 'SIGTERM')).toBe(false);
  closeFd(pidfd);
  expect(openPidfd(pid)).toBeNull();
});

test('kills only what is still ours once a descriptor stands for it', () => {
  const pid = scratch.start('exec sleep 1000');
  killIf(pid, () => false);
  expect(isLive(pid)).toBe(true);
  killIf(pid, () => true);
  reapPid(pid);
  expect(isLive(pid)).toBe(false);
  expect(() => killIf(pid, () => true)).not.toThrow();
});

test('a child for which what it needs fails does not run on', () => {
  const kept = scratch.start('exec sleep 1000');
  expect(orKill(kept, () => 'known')).toBe('known');
  expect(isLive(kept)).toBe(true);
  const pid = scratch.start('exec sleep 1000');
  const unreadable = () => {
    throw new Error('cannot be read');
  };
  expect(() => orKill(pid, unreadable)).toThrow('cannot be read');
  expect(openPidfd(pid)).toBeNull();
});

test('leaves no descriptor behind', () => {
  const pid = scratch.start('exec sleep 1000');
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 100; i++) {
    killIf(pid, () => false);
    expect(() =>
      killIf(pid, () => {
        throw new Error('asked in vain');
      }),
    ).toThrow('asked in vain');
  }
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

test('an epoll set reports exits of children and strangers, then ends when closed', async () => {
  const set = new EpollSet();
  const ended = new Set<number>();
  const running = set.run((fds) => {
    for (const fd of fds) {
      ended.add(fd);
      set.remove(fd);
    }
  });
  scratch.start('sh -c "echo \\$\\$ > orphan; exec sleep 1000" & sleep 0.1');
  const [stranger] = await scratch.pids('orphan', 1);
  const pids = [scratch.start('exit 0'), scratch.start('exec sleep 1000'), stranger!];
  const fds = pids.map((pid) => openPidfd(pid)!);
  for (const fd of fds) set.add(fd);
  await until(() => ended.has(fds[0]!));
  expect(ended.size).toBe(1);
  signalPidfd(fds[2]!, 'SIGKILL');
  await until(() => ended.has(fds[2]!));
  expect(ended.has(fds[1]!)).toBe(false);
  set.close();
  await running;
  for (const fd of fds) closeFd(fd);
});

test('an epoll set reports more exits than fit one look', async () => {
  const set = new EpollSet();
  const ended = new Set<number>();
  const fds: number[] = [];
  const before = readdirSync('/proc/self/fd').length;
  try {
    // A pidfd each, of processes that have ended: all are readable at the first look.
    const pid = scratch.start('exit 0');
    await until(() => !isLive(pid));
    for (let i = 0; i < 1500; i++) fds.push(openPidfd(pid)!);
    for (const fd of fds) set.add(fd);
    const running = set.run((readable) => {
      for (const fd of readable) {
        ended.add(fd);
        set.remove(fd);
      }
    });
    await until(() => ended.size === fds.length);
    set.close();
    await running;
    reapPid(pid);
  } finally {
    for (const fd of fds) closeFd(fd);
  }
  // The set had been made before we counted: its two descriptors are given back as well.
  expect(readdirSync('/proc/self/fd').length).toBe(before - 2);
});
