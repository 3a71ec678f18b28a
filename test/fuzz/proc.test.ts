import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCgroupLimits } from '../../src/host/facts/cgroups.ts';
import { Root } from '../../src/host/facts/root.ts';
import { findCgroupMount, parseCgroupPath } from '../../src/host/proc/cgroup.ts';
import { readMemory } from '../../src/host/proc/meminfo.ts';
import { readConnections } from '../../src/host/proc/net.ts';
import { ANY_ADDRESS, PortTable } from '../../src/host/proc/port-table.ts';
import { hasEnded, parseStat } from '../../src/host/proc/stat.ts';
import { formatProblem, HEAD_BYTES } from '../../src/host/process/elf.ts';
import { parseSystemdCgroup, unitOf } from '../../src/host/strays/origin.ts';
import * as captured from './captured.ts';
import { fuzz, RUNS, SEED, TIMEOUT_MS, withDirectory } from './fuzz.ts';

const PORTS = [0, 0x07e8, 0x2710, 0xffff];
const ADDRESSES = ['127.0.0.1', 'fd00::8'];

describe(`${RUNS} damaged files of the kernel each, seed ${SEED}`, () => {
  test('/proc/PID/stat is whole numbers, or nothing', { timeout: TIMEOUT_MS }, () =>
    fuzz(captured.STATS, (input) => {
      const stat = parseStat(input.toString('latin1'));
      expect(typeof hasEnded(stat)).toBe('boolean');
      if (stat === null) return;
      expect([stat.pid, stat.startTicks].every(Number.isInteger)).toBe(true);
    }),
  );

  test('/proc/net/tcp and its like name inodes, or nothing', { timeout: TIMEOUT_MS }, () =>
    fuzz(captured.SOCKET_TABLES, (input) => {
      for (const protocol of ['tcp', 'udp'] as const) {
        const table = new PortTable();
        table.addTable(input, protocol);
        for (const port of PORTS) {
          const inodes = table.inodes(port);
          expect(inodes.every((inode) => inode > 0)).toBe(true);
          // Each is bound to one address, or to any; and says so in text, whatever was read.
          const atAny = table.inodesAtAny(port);
          for (const inode of inodes) {
            expect(table.textOf(inode)).toEqual(expect.any(String));
            expect(atAny.includes(inode)).toBe(table.addressOf(inode) === ANY_ADDRESS);
          }
          for (const address of ADDRESSES)
            expect(inodes).toEqual(expect.arrayContaining([...table.inodesFor(port, address)]));
        }
      }
    }),
  );

  test('connections are counted by ports that exist', { timeout: TIMEOUT_MS }, () =>
    withDirectory((directory) =>
      fuzz(captured.SOCKET_TABLES, async (input) => {
        mkdirSync(join(directory, 'net'), { recursive: true });
        writeFileSync(join(directory, 'net/tcp'), input);
        const connections = await readConnections(ADDRESSES, directory);
        for (const address of [null, ...ADDRESSES]) {
          for (const port of PORTS) expect(connections.of(port, address)).toBeGreaterThanOrEqual(0);
        }
        for (const port of PORTS)
          expect(connections.of(port, ADDRESSES[0]!)).toBeLessThanOrEqual(connections.of(port, null));
      }),
    ),
  );

  test('/proc/PID/cgroup names one line’s path, or nothing', { timeout: TIMEOUT_MS }, () =>
    fuzz(captured.MEMBERSHIPS, (input) => {
      const text = input.toString('utf8');
      const path = parseCgroupPath(text);
      const systemd = parseSystemdCgroup(text);
      expect(path ?? '').not.toContain('\n');
      if (systemd !== null) expect(unitOf(systemd) ?? '').not.toContain('/');
    }),
  );

  test('/proc/self/mountinfo names a mount, or nothing', { timeout: TIMEOUT_MS }, () =>
    fuzz(captured.MOUNTS, (input) => {
      expect(findCgroupMount(input.toString('utf8')) ?? '').not.toContain(' ');
    }),
  );

  test(
    'limits of cgroups are numbers, whatever the mounts and memberships say',
    { timeout: TIMEOUT_MS },
    () =>
      withDirectory(async (directory) => {
        mkdirSync(join(directory, 'proc/self'), { recursive: true });
        await fuzz([...captured.MOUNTS, ...captured.MEMBERSHIPS], (input) => {
          for (const [name, sample] of [
            ['mountinfo', captured.MOUNTS[1]!],
            ['cgroup', captured.MEMBERSHIPS[1]!],
          ] as const) {
            const isMeant = (input[0] ?? 0) % 2 === (name === 'cgroup' ? 0 : 1);
            writeFileSync(join(directory, 'proc/self', name), isMeant ? input : sample);
          }
          for (const { value } of readCgroupLimits(new Root(directory), 'self'))
            expect(value).toBeLessThan(2 ** 63);
        });
      }),
  );

  test('/proc/meminfo and pressure are numbers', { timeout: TIMEOUT_MS }, () =>
    withDirectory(async (directory) => {
      mkdirSync(join(directory, 'proc/pressure'), { recursive: true });
      await fuzz([...captured.MEMORY_INFOS, ...captured.PRESSURES], (input) => {
        writeFileSync(join(directory, 'proc/meminfo'), input);
        writeFileSync(join(directory, 'proc/pressure/memory'), input);
        const { pressurePercent, ...memory } = readMemory(join(directory, 'proc'));
        for (const bytes of Object.values(memory)) expect(bytes).toBeGreaterThanOrEqual(0);
        if (pressurePercent !== null) expect(pressurePercent).toBeGreaterThanOrEqual(0);
      });
    }),
  );

  test('an executable can be run, or there is a reason in words', { timeout: TIMEOUT_MS }, () =>
    fuzz(captured.EXECUTABLES, (input) => {
      expect(formatProblem(Buffer.from(input).subarray(0, HEAD_BYTES)) ?? 'runs').toMatch(/\S/);
    }),
  );
});
