import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBootId, readUptimeMs } from '../../src/host/proc/boot.ts';
import { readCgroupMount, readCgroupPath } from '../../src/host/proc/cgroup.ts';
import { readLocks } from '../../src/host/proc/locks.ts';
import {
  countFds,
  executableId,
  findSocketFd,
  listPids,
  readCommand,
  readEnvironment,
  readFdInfo,
  readLink,
  readPssBytes,
  readRssBytes,
  readWords,
} from '../../src/host/proc/pid.ts';
import { isStill, readCpuMs, readStat } from '../../src/host/proc/stat.ts';
import { readThreads, readUids } from '../../src/host/proc/status.ts';
import { describeWait } from '../../src/host/proc/wait-point.ts';
import { Fixture } from './fixture.ts';

/** A redis-server of a Debian 12 host (kernel 6.1, x86-64), as its /proc had it. */
const REDIS = {
  '/991/stat':
    '991 (redis-server) S 1 991 991 0 -1 4194560 2114 0 2 0 1042 611 0 0 20 0 5 0 873 63832064 3021 18446744073709551615 1 1 0 0 0 0 0 4097 1610630378 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n',
  '/991/statm': '15584 3021 2163 336 0 5113 0\n',
  '/991/status':
    'Name:\tredis-server\nUmask:\t0077\nState:\tS (sleeping)\nPid:\t991\nPPid:\t1\nUid:\t107\t107\t107\t107\nGid:\t115\t115\t115\t115\nThreads:\t5\n',
  '/991/smaps_rollup':
    '5581b0f9a000-7ffd3a5f1000 ---p 00000000 00:00 0                          [rollup]\nRss:               12084 kB\nPss:                7311 kB\n',
  '/991/comm': 'redis-server\n',
  '/991/cmdline': '/usr/bin/redis-server 127.0.0.1:6379\0\0\0\0',
  '/991/environ': 'PATH=/usr/bin\0HOME=/var/lib/redis\0',
  '/991/cgroup': '0::/system.slice/redis-server.service\n',
  '/991/cwd': '→ /var/lib/redis',
  '/991/fd/0': '→ /dev/null',
  '/991/fd/6': '→ socket:[18423]',
  '/991/fdinfo/6': 'pos:\t0\nflags:\t02004002\nmnt_id:\t9\nino:\t18423\n',
  '/991/wchan': 'ep_poll',
  '/sys/kernel/random/boot_id': '3f0e9b5e-6d1a-4f63-9c1b-0a6f8f3c2d11\n',
  '/uptime': '3671.52 7250.11\n',
  '/locks': '1: FLOCK  ADVISORY  WRITE 991 08:01:131074 0 EOF\n',
  '/self/mountinfo':
    '24 30 0:22 / /proc rw - proc proc rw\n31 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n',
};

let host: Fixture;
beforeEach(() => {
  host = new Fixture(REDIS);
});
afterEach(() => host.dispose());

test('a captured process is read as it was, and nothing of this host is', () => {
  const proc = host.root;
  expect(listPids(proc)).toEqual([991]);
  expect(readStat(991, proc)).toMatchObject({ parent: 1, session: 991, startTicks: 873, threads: 5 });
  expect(isStill({ pid: 991, startTicks: 873 }, proc)).toBe(true);
  expect(isStill({ pid: 991, startTicks: 872 }, proc)).toBe(false);
  expect(readCpuMs(991, proc)).toBe(16_530);
  expect(readRssBytes(991, proc)).toBeGreaterThanOrEqual(3021 * 4096);
  expect(readPssBytes(991, proc)).toBe(7311 * 1024);
  expect(readUids(991, proc)).toEqual([107, 107, 107]);
  expect(readThreads(991, proc)).toBe(5);
  expect(readCommand(991, proc)).toBe('redis-server');
  expect(readWords(991, 100, proc)!.toString()).toMatch(/^\/usr\/bin\/redis-server 127/);
  expect(readEnvironment(991, 100, proc)).toContain('HOME=/var/lib/redis');
  expect(readLink(991, 'cwd', proc)).toBe('/var/lib/redis');
  expect(findSocketFd(991, [18423], null, proc)).toBe('6');
  expect(countFds(991, proc)).toBe(2);
  expect(readFdInfo(991, 6, proc)).toContain('ino:\t18423');
  expect(readCgroupPath(991, proc)).toBe('/system.slice/redis-server.service');
  expect(describeWait(991, proc)).toBe('state S, wchan ep_poll');
});

test('the host itself is read below the same root', () => {
  const proc = host.root;
  expect(readBootId(proc)).toBe('3f0e9b5e-6d1a-4f63-9c1b-0a6f8f3c2d11');
  expect(readUptimeMs(proc)).toBe(3_671_520);
  expect(readLocks(proc)).toMatch(/^1: FLOCK/);
  expect(readCgroupMount(proc)).toBe('/sys/fs/cgroup');
});

test('a process that is not in it is gone, also where this host has one of its number', () => {
  const proc = host.root;
  const { pid } = process;
  expect([readStat(pid, proc), readCpuMs(pid, proc), readRssBytes(pid, proc), countFds(pid, proc)]).toEqual([
    null,
    null,
    null,
    null,
  ]);
  expect([readUids(pid, proc), executableId(pid, proc), readLink(pid, 'cwd', proc)]).toEqual([
    [],
    null,
    null,
  ]);
});
