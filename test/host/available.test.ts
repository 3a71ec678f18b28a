import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readAvailableMemory } from '../../src/host/facts/available.ts';
import { Root } from '../../src/host/facts/root.ts';

const MIB = 1024 ** 2;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleet-root-'));
  write('/proc/meminfo', `MemTotal: ${4096 * 1024} kB\nMemAvailable: ${2048 * 1024} kB\n`);
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, text);
}

const V2 = '30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n';
const V1 = '33 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';

test('is the host’s where nothing limits it', () => {
  write('/proc/self/mountinfo', V2);
  write('/proc/self/cgroup', '0::/user.slice\n');
  write('/sys/fs/cgroup/user.slice/memory.max', 'max\n');
  expect(readAvailableMemory(new Root(root))).toEqual({
    totalBytes: 4096 * MIB,
    availableBytes: 2048 * MIB,
    pressurePercent: null,
  });
});

test('is what the tightest cgroup above leaves, its idle page cache included', () => {
  write('/proc/self/mountinfo', V2);
  write('/proc/self/cgroup', '0::/a/b\n');
  write('/proc/pressure/memory', 'some avg10=3.50 avg60=0.00 avg300=0.00 total=0\n');
  for (const [path, limit, used] of [
    ['/a', 1024, 600],
    ['/a/b', 512, 500],
  ] as const) {
    write(`/sys/fs/cgroup${path}/memory.max`, `${limit * MIB}\n`);
    write(`/sys/fs/cgroup${path}/memory.current`, `${used * MIB}\n`);
    write(`/sys/fs/cgroup${path}/memory.stat`, `anon 1\ninactive_file ${100 * MIB}\n`);
  }
  expect(readAvailableMemory(new Root(root))).toEqual({
    totalBytes: 512 * MIB,
    availableBytes: 112 * MIB,
    pressurePercent: 3.5,
  });
});

test('knows version 1 too, and never says less than nothing', () => {
  write('/proc/self/mountinfo', V1);
  write('/proc/self/cgroup', '4:memory:/box\n0::/\n');
  const box = '/sys/fs/cgroup/memory/box';
  write(`${box}/memory.limit_in_bytes`, `${300 * MIB}\n`);
  write(`${box}/memory.usage_in_bytes`, `${310 * MIB}\n`);
  write(`${box}/memory.stat`, 'inactive_file 999999999\ntotal_inactive_file 0\n');
  expect(readAvailableMemory(new Root(root))).toMatchObject({ totalBytes: 300 * MIB, availableBytes: 0 });
});
