import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { expectOneProcessEach } from '../long/crashes.ts';
import { isRunning, until, World } from './harness.ts';

const IS_ROOT = process.getuid?.() === 0;
const FLAGS = ['--name', 'web', '--parallel', '100', '--round-delay', '0', '--ready', 'after:10ms'];
const SLEEP = ['--', 'sleep', '1000'];
const PORT_BASE = 23_100;

let world: World;
const cleanups: (() => void)[] = [];
/** What goes after the supervisor and before its files. */
const afterwards: (() => void)[] = [];
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  // What hinders the supervisor goes first, so that the world can be ended in order.
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  await world.fleetctl('shutdown', '--with-agents');
  for (const cleanup of afterwards.splice(0)) cleanup();
  await world.dispose();
});

const pidsOf = (agents: AgentRow[]) => agents.map(({ slot, pid }) => [slot, pid]);

// ── the disk ──

/** Mounts a small file system in memory for the state directory. */
function mountState(): void {
  const { stateDir } = world;
  mkdirSync(stateDir);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=711', 'tmpfs', stateDir]);
  afterwards.push(() => execFileSync('umount', ['-l', stateDir]));
}

function fillDisk(): string {
  const path = join(world.stateDir, 'filler');
  const fd = openSync(path, 'w');
  try {
    for (const size of [65_536, 4096]) {
      const block = Buffer.alloc(size);
      try {
        for (;;) writeSync(fd, block);
      } catch {} // ENOSPC is the aim.
    }
  } finally {
    closeSync(fd);
  }
  return path;
}

describe.runIf(IS_ROOT)('a state directory that takes nothing', () => {
  beforeEach(async () => {
    mountState();
    await world.ok('spawn', '5', ...FLAGS, ...SLEEP);
  });

  test('refuses on a full disk with the space that is left, changes nothing, and goes on once there is some', async () => {
    const before = await world.ps();
    const filler = fillDisk();
    for (const command of [['spawn', '9'], ['kill', '2'], ['restart']]) {
      const refused = await world.fleetctl(...command);
      expect({ command, code: refused.code }).toEqual({ command, code: 5 });
      expect(refused.stderr).toMatch(new RegExp(`FLEET_LIMIT_REACHED.*space.* ${world.stateDir}\\b`));
    }
    expect((await world.fleet()).target).toBe(5);
    expect(pidsOf(await world.ps())).toEqual(pidsOf(before));
    // One that dies meanwhile comes back: that needs nothing durable.
    process.kill(before[0]!.pid!, 'SIGKILL');
    await until(
      async () => (await world.ps())[0]!.pid !== before[0]!.pid && (await world.fleet()).ready === 5,
    );
    rmSync(filler);
    await world.ok('spawn', '9');
    await expectOneProcessEach(world, await world.ps());
  });

  test('starts no supervisor on a full disk without saying why, and finds every agent once there is space', async () => {
    const before = await world.ps();
    await world.killSupervisor();
    const filler = fillDisk();
    const refused = await world.fleetctl('spawn');
    if (refused.code !== 0) {
      expect(refused.code).toBe(5);
      expect(refused.stderr).toMatch(/no space/);
    }
    expect(before.every(({ pid }) => isRunning(pid!))).toBe(true);
    rmSync(filler);
    await world.ok('spawn');
    expect(pidsOf(await world.ps())).toEqual(pidsOf(before));
    expect((await world.fleet()).held).toBeNull();
    expect(globSync(join(world.stateDir, '*.corrupt-*'))).toEqual([]);
  });

  test('starts no supervisor on a read-only file system, harms no agent, and goes on once it can be written', async () => {
    await world.ok('kill', '--all');
    await world.ok('remove');
    // Open logs would keep the file system writable.
    const spec = {
      name: 'web',
      command: ['sleep', '1000'],
      ready: { after: '10ms' },
      rounds: { delay: '0s' },
      logs: { to: 'null' },
    };
    const file = world.write('fleet.json', JSON.stringify(spec));
    await world.ok('spawn', '5', '-f', file);
    const before = await world.ps();
    await world.killSupervisor();
    const remount = (how: string) => execFileSync('mount', ['-o', `remount,${how}`, world.stateDir]);
    remount('ro');
    cleanups.push(() => remount('rw'));
    const refused = await world.fleetctl('spawn');
    expect(refused.code, refused.stderr).toBe(1);
    expect(refused.stderr).toMatch(/FLEET_STATE_UNUSABLE.*(read-only|EROFS)/);
    expect(before.every(({ pid }) => isRunning(pid!))).toBe(true);
    remount('rw');
    await world.ok('spawn', '6');
    expect(pidsOf(await world.ps()).slice(0, 5)).toEqual(pidsOf(before));
    expect(globSync(join(world.stateDir, '*.corrupt-*'))).toEqual([]);
  });
});

// ── processes ──

const PIDS = '/sys/fs/cgroup/pids';
describe.runIf(IS_ROOT && existsSync(`${PIDS}/cgroup.procs`))('pids.max', () => {
  const group = `${PIDS}/fleet-test-${process.pid}`;

  test('names the cgroup, its limit and its value, ends with 5, and goes on when it is raised', async () => {
    mkdirSync(group);
    cleanups.push(() => {
      writeFileSync(`${group}/pids.max`, 'max');
      for (const pid of readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n').filter(Boolean))
        writeFileSync(`${PIDS}/cgroup.procs`, pid);
      rmdirSync(group);
    });
    await world.ok('spawn', '3', ...FLAGS, ...SLEEP);
    const before = await world.ps();
    writeFileSync(`${group}/cgroup.procs`, String(world.supervisorPid()));
    const used = Number(readFileSync(`${group}/pids.current`, 'utf8'));
    const limit = used + 10;
    writeFileSync(`${group}/pids.max`, String(limit));
    const blocked = await world.fleetctl('spawn', '40', '--force');
    expect(blocked.code, blocked.stderr).toBe(5);
    expect(blocked.stderr).toContain(`pids.max of ${group} = ${limit}`);
    expect(blocked.stderr).not.toContain('unavailable');
    // It is the host's fault: no agent is blamed, and nothing is held for it.
    const fleet = await world.fleet();
    expect(fleet).toMatchObject({ target: 40, held: null, backoff: 0, failed: 0 });
    expect(pidsOf(await world.ps()).slice(0, 3)).toEqual(pidsOf(before));
    writeFileSync(`${group}/pids.max`, 'max');
    await until(async () => (await world.fleet()).ready === 40);
    await expectOneProcessEach(world, await world.ps());
  });
});

test('refuses a target for which it has too few descriptors, and changes nothing', async () => {
  await world.ok('spawn', '3', ...FLAGS, ...SLEEP);
  await world.ok('shutdown');
  const env = Object.entries(world.env).map(([name, value]) => `${name}=${value}`);
  const fleetctl = new URL('../../bin/fleetctl', import.meta.url).pathname;
  const limited = (...args: string[]) =>
    new Promise<{ code: number; stderr: string }>((resolve) => {
      const child = spawn('env', [
        '-i',
        ...env,
        'sh',
        '-c',
        'ulimit -n 400; exec "$@"',
        'sh',
        fleetctl,
        ...args,
      ]);
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      child.on('exit', (code) => resolve({ code: code ?? -1, stderr }));
    });
  expect((await limited('spawn')).code).toBe(0);
  const refused = await world.fleetctl('spawn', '300');
  expect(refused.code).toBe(5);
  expect(refused.stderr).toMatch(/RLIMIT_NOFILE is 400/);
  expect((await world.fleet()).target).toBe(3);
  await world.ok('spawn', '100');
});

// ── ports ──

function listen(port: number): Promise<Server> {
  const server = createServer();
  cleanups.push(() => server.close());
  server.listen(port, '127.0.0.1');
  return once(server, 'listening').then(() => server);
}

test('names who holds a port and the slot that needs it, and starts nothing', async () => {
  await listen(PORT_BASE + 3);
  const refused = await world.fleetctl(
    'spawn',
    '6',
    '--name',
    'web',
    '--port-base',
    String(PORT_BASE),
    '--',
    'busybox',
    'httpd',
    '-f',
    '-p',
    '127.0.0.1:{port}',
  );
  expect(refused.code, refused.stderr).toBe(1);
  expect(refused.stderr).toMatch(
    new RegExp(`FLEET_PORT_TAKEN: slot 3 needs tcp port ${PORT_BASE + 3}, held by pid ${process.pid}`),
  );
  expect(world.processes()).toEqual([]);
  expect((await world.status()).fleets).toEqual([]);
});

test('refuses two fleets whose ports meet', async () => {
  const httpd = ['--', 'busybox', 'httpd', '-f', '-p', '127.0.0.1:{port}'];
  await world.ok(
    'spawn',
    '4',
    '--name',
    'one',
    '--round-delay',
    '0',
    '--port-base',
    String(PORT_BASE),
    ...httpd,
  );
  const two = ['--name', 'two', '--round-delay', '0', '--port-base', String(PORT_BASE + 3), ...httpd];
  const refused = await world.fleetctl('spawn', '4', ...two);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    new RegExp(`slot 0 needs port ${PORT_BASE + 3}, which belongs to slot 3 of fleet one`),
  );
  // A fleet at target 0 claims no port.
  await world.ok('kill', '--all', '--fleet', 'one');
  await world.ok('spawn', '4', ...two);
  expect((await world.ps()).map(({ fleet }) => fleet)).toEqual(['two', 'two', 'two', 'two']);
});

// ── identity ──

test('never signals a stranger who got the pid of an agent', async () => {
  await world.ok('spawn', '3', ...FLAGS, ...SLEEP);
  const before = await world.ps();
  await world.killSupervisor();
  const stranger = spawn(
    'sh',
    ['-c', 'trap "echo TERM" TERM; trap "echo INT" INT; echo up; while :; do sleep 0.1; done'],
    { detached: true },
  );
  cleanups.push(() => stranger.kill('SIGKILL'));
  let said = '';
  stranger.stdout.on('data', (chunk) => {
    said += chunk;
  });
  await until(() => said.includes('up'));
  const db = new DatabaseSync(join(world.runtimeDir, 'run.db'));
  db.prepare('UPDATE runs SET pid = ? WHERE slot = 0').run(stranger.pid!);
  // As near as a reused pid can come to an agent: even the start time is that of the note.
  const ticks = Number(readFileSync(`/proc/${stranger.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]);
  db.prepare('UPDATE runs SET pid = ?, start_ticks = ? WHERE slot = 1').run(stranger.pid!, ticks);
  db.close();
  await world.ok('spawn');
  await world.ok('restart');
  await world.ok('kill', '--all');
  expect(isRunning(stranger.pid!)).toBe(true);
  expect(said).toBe('up\n');
  expect(world.processes()).toEqual([]);
  expect(before.some(({ pid }) => isRunning(pid!))).toBe(false);
});

test('refuses a second supervisor on the same directories, naming the first', async () => {
  await world.ok('spawn', '2', ...FLAGS, ...SLEEP);
  const fleetd = new URL('../../bin/fleetd', import.meta.url).pathname;
  const run = (env: Record<string, string>) =>
    new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn(fleetd, [], { env });
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      child.on('exit', (code) => resolve({ code, stderr }));
    });
  const pid = world.supervisorPid();
  for (const other of [
    {},
    { FLEETD_RUNTIME_DIR: join(world.root, 'r2') },
    { FLEETD_STATE_DIR: join(world.root, 's2') },
  ]) {
    const second = await run({ ...world.env, ...other });
    expect(second.code, second.stderr).toBe(1);
    expect(second.stderr).toContain(`a supervisor is already running, pid ${pid}`);
  }
  expect(world.supervisorPid()).toBe(pid);
  await expectOneProcessEach(world, await world.ps());
});

test('two supervisors beside each other leave each other alone', async () => {
  const other = new World();
  try {
    await Promise.all([
      world.ok('spawn', '5', ...FLAGS, ...SLEEP),
      other.ok('spawn', '5', ...FLAGS, ...SLEEP),
    ]);
    const theirs = await other.ps();
    await world.killSupervisor();
    await world.ok('spawn', '7');
    await world.ok('restart');
    await world.ok('kill', '--all');
    await world.ok('shutdown', '--with-agents');
    expect(pidsOf(await other.ps())).toEqual(pidsOf(theirs));
    await expectOneProcessEach(other, theirs);
    expect(world.processes()).toEqual([]);
  } finally {
    await other.dispose();
  }
});
