import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import type { Diagnosis } from '../../src/doctor/table.ts';
import { type Ended, until, World } from './harness.ts';

const IS_ROOT = process.getuid?.() === 0;
const FLAGS = ['--name', 'web', '--parallel', '100', '--round-delay', '0', '--ready', 'after:10ms'];
const SLEEP = ['--', 'sleep', '1000'];
const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const PIDS = '/sys/fs/cgroup/pids';
const UID = 61_777;
const PORT_BASE = 26_700;
/** Where this kernel takes the ports of outgoing connections from: nothing is started there. */
const EPHEMERAL_BASE = 33_700;

let world: World;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await world.fleetctl('shutdown', '--with-agents');
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await world.dispose();
});

async function doctor(...args: string[]): Promise<Diagnosis & { code: number }> {
  const { code, stdout } = await world.fleetctl('doctor', '--json', ...args);
  return { ...(JSON.parse(stdout) as Diagnosis), code };
}

function about({ findings }: Diagnosis, limit: string): Finding {
  const found = findings.find((finding) => finding.limit === limit);
  if (!found) throw new Error(`nothing about ${limit} in ${findings.map((finding) => finding.limit)}`);
  return found;
}

/** Runs fleetctl from a shell that has done something to itself first, such as `ulimit -n 400`. */
function after(preparation: string, ...args: string[]): Promise<Ended> {
  const { uid } = world;
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-c', `${preparation}; exec "$@"`, 'sh', FLEETCTL, ...args],
      { env: world.env, cwd: world.root, ...(uid !== undefined && { uid, gid: uid }) },
      (error, stdout, stderr) =>
        resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
    );
  });
}

describe.runIf(IS_ROOT && existsSync(`${PIDS}/cgroup.procs`))('pids.max of a cgroup', () => {
  const group = `${PIDS}/fleet-doctor-${process.pid}`;
  const limit = `pids.max of ${group}`;

  function removeGroup(): boolean {
    try {
      for (const pid of readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n').filter(Boolean))
        writeFileSync(`${PIDS}/cgroup.procs`, pid);
      rmdirSync(group);
      return true;
    } catch {
      return false;
    }
  }

  beforeEach(async () => {
    mkdirSync(group);
    // What has just ended keeps its cgroup busy for a moment.
    cleanups.push(() => until(() => removeGroup()));
    await world.ok('spawn', '3', ...FLAGS, ...SLEEP);
    const members = [
      world.supervisorPid()!,
      world.launcherPid(),
      ...(await world.ps()).map(({ pid }) => pid!),
    ];
    for (const pid of members) writeFileSync(`${group}/cgroup.procs`, String(pid));
    writeFileSync(`${group}/pids.max`, String(Number(readFileSync(`${group}/pids.current`, 'utf8')) + 20));
  });

  test('is the ceiling, to the agent: so many start, and not one more', async () => {
    const diagnosis = await doctor('--agents', '200');
    expect(diagnosis).toMatchObject({ code: 5, ceiling: { agents: 23, limit } });
    expect(about(diagnosis, limit)).toMatchObject({
      verdict: 'fail',
      agentsMax: 23,
      source: `${group}/pids.max`,
    });
    expect((await world.status()).host.agentsMax).toBe(23);
    await world.ok('spawn', '23');
    // All of them run, and are not counted twice.
    expect(await doctor()).toMatchObject({ code: 0, agents: 23, ceiling: { agents: 23, limit } });

    const refused = await world.fleetctl('spawn', '24');
    expect(refused.code).toBe(5);
    expect(refused.stderr).toMatch(
      new RegExp(`FLEET_LIMIT_REACHED: ${limit} is \\d+, and 24 agents need \\d+`),
    );
    expect(refused.stderr).toContain(`echo max > ${group}/pids.max`);
    expect((await world.fleet()).target).toBe(23);

    const forced = await world.fleetctl('spawn', '24', '--force');
    expect(forced.code).toBe(5);
    expect(await world.fleet()).toMatchObject({ target: 24, running: 23 });
    writeFileSync(`${group}/pids.max`, 'max');
    await until(async () => (await world.fleet()).ready === 24);
  });

  test('does not refuse a lower target, nor the same once more', async () => {
    writeFileSync(`${group}/pids.max`, '1');
    expect((await world.fleetctl('spawn', '3')).code).toBe(0);
    expect((await world.fleetctl('spawn', '2')).code).toBe(0);
    expect((await world.fleetctl('spawn', '3')).code).toBe(5);
    expect((await world.fleet()).target).toBe(2);
  });
});

test('open files: the supervisor’s own limit counts, not that of the shell that asks', async () => {
  expect((await after('ulimit -n 400', 'spawn', '3', ...FLAGS, ...SLEEP)).code).toBe(0);
  const diagnosis = await doctor('--agents', '145');
  expect(about(diagnosis, 'RLIMIT_NOFILE')).toMatchObject({
    verdict: 'fail',
    needed: 401,
    have: 400,
    agentsMax: 144,
  });
  expect(diagnosis.ceiling).toEqual({ agents: 144, limit: 'RLIMIT_NOFILE' });
  expect((await world.fleetctl('spawn', '145')).stderr).toMatch(
    /RLIMIT_NOFILE is 400, and 145 agents need 401/,
  );
  await world.ok('spawn', '144');
});

test.runIf(IS_ROOT)('RLIMIT_NPROC: binds an ordinary user’s agents', async () => {
  await world.dispose();
  world = new World({}, UID);
  // The supervisor itself has a dozen threads.
  expect((await after('prlimit --pid $$ --nproc=60', 'spawn', '3', ...FLAGS, ...SLEEP)).code).toBe(0);
  const { stdout } = await after('prlimit --pid $$ --nproc=200', 'doctor', '--agents', '70', '--json');
  const finding = about(JSON.parse(stdout) as Diagnosis, 'RLIMIT_NPROC');
  expect(finding).toMatchObject({ verdict: 'fail', have: 60 });
  expect(finding.agentsMax).toBeLessThan(50);
  expect((await world.fleetctl('spawn', '70')).stderr).toMatch(/RLIMIT_NPROC is 60, and 70 agents need/);
  // Run into it: the kernel gives no more than the doctor said, which counted its own threads as well.
  await world.fleetctl('spawn', '58', '--timeout', '5s', '--force');
  const { running } = await world.fleet();
  expect(running).toBeGreaterThanOrEqual(finding.agentsMax!);
  expect(running).toBeLessThan(58);
});

test.runIf(IS_ROOT)('inodes: a file system that has too few is named before it is full', async () => {
  mkdirSync(world.stateDir);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=700,size=16m,nr_inodes=200', 'tmpfs', world.stateDir]);
  cleanups.push(() => execFileSync('umount', ['-l', world.stateDir]));
  await world.ok('spawn', '3', ...FLAGS, ...SLEEP);
  const diagnosis = await doctor('--agents', '150');
  expect(about(diagnosis, 'inodes of the state directory')).toMatchObject({
    verdict: 'fail',
    source: world.stateDir,
  });
  expect(diagnosis.ceiling?.limit).toBe('inodes of the state directory');
  const refused = await world.fleetctl('spawn', '150');
  expect(refused.code).toBe(5);
  expect(refused.stderr).toMatch(/inodes of the state directory is \d+/);
  expect((await world.fleet()).target).toBe(3);
});

test('measures agents that run instead of assuming: with all that they forked', async () => {
  const forks = ['sh', '-c', 'sleep 1000 & sleep 1000 & wait'];
  await world.ok('spawn', '4', ...FLAGS, '--', ...forks);
  await until(() => world.cgroup === null || world.processes().length === 12);
  const diagnosis = await doctor('--agents', '100');
  expect(about(diagnosis, 'memory').why).toMatch(/PSS of 4 of them/);
  if (world.cgroup)
    expect(about(diagnosis, 'kernel.pid_max').why).toMatch(/3 per agent \(measured on 4 of them\)/);
  const plan = JSON.parse((await world.ok('plan', '--json')).stdout);
  expect(plan).toMatchObject({ wanted: 4, memory: { basis: expect.stringMatching(/^PSS of 4/) } });
  expect(plan.memory.eachBytes).toBeLessThan(10 * 2 ** 20);
});

test('ports: the fleet’s own are not in its way, a stranger’s is', async () => {
  const spec = {
    name: 'web',
    command: ['busybox', 'httpd', '-f', '-p', '127.0.0.1:{port}'],
    ports: { base: PORT_BASE, protocol: 'tcp' },
    rounds: { delay: '0s' },
    target: 3,
  };
  const file = world.write('fleet.json', JSON.stringify(spec));
  await world.ok('spawn', '-f', file);
  expect(about(await doctor('-f', file), 'ports in use')).toMatchObject({ verdict: 'ok' });
  // For a second fleet on the same ports the first one's agents are strangers.
  const other = world.write('other.json', JSON.stringify({ ...spec, name: 'other' }));
  const diagnosis = await doctor('-f', other);
  expect(about(diagnosis, 'ports in use')).toMatchObject({
    verdict: 'fail',
    needed: `${PORT_BASE}-${PORT_BASE + 2}`,
  });
  const ports = { base: EPHEMERAL_BASE, protocol: 'tcp' };
  const reserved = await doctor(
    '-f',
    world.write('third.json', JSON.stringify({ ...spec, name: 'third', ports })),
  );
  expect(about(reserved, 'net.ipv4.ip_local_reserved_ports').needed).toBe(
    `${EPHEMERAL_BASE}-${EPHEMERAL_BASE + 2}`,
  );
});

test('spawn of an impossible target starts no agent, and says what to do', async () => {
  const refused = await world.fleetctl('spawn', '900000', ...FLAGS, ...SLEEP);
  expect(refused.code).toBe(5);
  expect(refused.stderr).toMatch(/FLEET_LIMIT_REACHED: \S+ is \d+, and 900,000 agents need [\d,]+: /);
  expect(refused.stderr).toContain(
    'fleetctl doctor --agents 900000 shows every limit; --force skips this check.',
  );
  expect((await world.status()).fleets).toEqual([]);
  expect(existsSync(join(world.stateDir, 'fleets', 'web'))).toBe(false);
});
