import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientOf } from '../../src/cli/client.ts';
import { readRssBytes } from '../../src/host/proc/pid.ts';
import { until, World } from './harness.ts';

let world: World;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await world.dispose();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const client = () => clientOf(`${world.runtimeDir}/fleetd.sock`);
const write = (spec: object) => world.write('fleet.json', JSON.stringify(spec));
const SLEEPERS = {
  name: 'web',
  command: ['sleep', '100000'],
  ready: { after: '1ms' },
  rounds: { delay: '0s' },
};

describe('totals', () => {
  test('are what the kernel says of the agents, in status, ps and by cohort', async () => {
    await world.ok('spawn', '30', '-f', write(SLEEPERS));
    const rss = (await world.ps()).map(({ pid }) => readRssBytes(pid!)!);
    const sum = rss.reduce((total, bytes) => total + bytes, 0);
    const memory = await client().call('memory', { fleet: 'web', top: 3, pss: 'all' });
    expect(memory.rss!.sum).toBeGreaterThan(sum * 0.99);
    expect(memory.rss!.sum).toBeLessThan(sum * 1.01);
    expect(memory).toMatchObject({ agents: 30, rss: { count: 30, max: Math.max(...rss) } });
    expect(memory.top).toHaveLength(3);
    expect(memory.cohorts.map(({ agents }) => agents)).toEqual([30]);
    expect(memory.pssMeanBytes).toBeGreaterThan(0);
    expect(memory.pssMeanBytes!).toBeLessThan(memory.rss!.mean);
    const { rssBytes, pssBytes } = await world.fleet();
    expect(rssBytes).toBe(memory.rss!.sum);
    expect(pssBytes).toBeLessThan(rssBytes!);
  });

  test('ps sorts by memory, and tells what agents use beside it', async () => {
    const script =
      'if [ $FLEET_SLOT = 2 ]; then exec perl -e "\\$x = q(x) x 20000000; sleep"; else exec sleep 100000; fi';
    await world.ok('spawn', '4', '-f', write({ ...SLEEPERS, command: ['sh', '-c', script] }));
    const heaviest = async () => {
      const { stdout } = await world.ok('ps', '--json', '--sort', 'rss', '--limit', '1');
      return (JSON.parse(stdout) as { agents: { slot: number }[] }).agents.map(({ slot }) => slot);
    };
    await until(async () => (await heaviest())[0] === 2);
    const { stdout } = await world.ok('ps', '--json', '--slots', '0-1', '--usage');
    const { agents } = JSON.parse(stdout) as { agents: { slot: number; usage: object }[] };
    expect(agents.map(({ slot }) => slot)).toEqual([0, 1]);
    expect(agents[0]!.usage).toMatchObject({ threads: 1, files: 3 });
    expect((await world.fleetctl('ps', '--sort', 'size')).code).toBe(2);
  });
});

test('samples are kept, also over a restart of the supervisor', async () => {
  await world.ok('spawn', '3', '-f', write({ ...SLEEPERS, leak: { every: '100ms' } }));
  const passes = async () => (await client().call('samples', { fleet: 'web' })).passes;
  await until(async () => (await passes()).length >= 3);
  const before = await passes();
  expect(before[0]).toMatchObject({ agents: 3 });
  await world.killSupervisor();
  await world.ok('spawn', '3');
  await until(async () => (await passes()).length > before.length);
  expect((await passes()).slice(0, before.length)).toEqual(before);
});

describe('somebody else’s count', () => {
  let server: Server;
  let online: number;
  beforeEach(async () => {
    server = createServer((_request, response) => response.end(JSON.stringify({ stats: { online } })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  });

  test('below the share that must be counted is degraded, with both numbers, and says so once', async () => {
    online = 2;
    const { port } = server.address() as AddressInfo;
    const verify = { http: `http://127.0.0.1:${port}/stats`, field: 'stats.online', atLeast: '90%' };
    await world.ok('spawn', '4', '-f', write({ ...SLEEPERS, verify }));
    await until(async () => (await world.fleet()).verify?.degraded === true);
    expect((await world.fleet()).verify).toEqual({
      counted: 2,
      running: 4,
      degraded: true,
      reason: '2 counted of 4 ready, below 90 %',
    });
    online = 4;
    await until(async () => (await world.fleet()).verify?.degraded === false);
    const said = (await world.events()).filter(({ type }) => type === 'verify').map(({ reason }) => reason);
    expect(said).toEqual(['2 counted of 4 ready, below 90 %', '4 counted of 4 ready, as expected']);
  });
});

const MEMORY = '/sys/fs/cgroup/memory';
describe.runIf(process.getuid!() === 0 && existsSync(`${MEMORY}/memory.limit_in_bytes`))('pressure', () => {
  const group = `${MEMORY}/fleet-test-${process.pid}`;
  const MIB = 1024 ** 2;

  test('below the available share nothing starts, the hook is told, and all goes on after', async () => {
    mkdirSync(group);
    cleanups.push(() => until(() => tryRemove(group)));
    writeFileSync(`${group}/memory.limit_in_bytes`, String(1024 * MIB));
    const told = `${world.root}/told`;
    const hook = world.write('hook', `#!/bin/sh\necho $FLEET_NAME $FLEET_PRESSURE >> ${told}\n`);
    chmodSync(hook, 0o755);
    const spec = { ...SLEEPERS, pressure: { available: '50%', hook: ['./hook'] } };
    await world.ok('spawn', '2', '-f', write(spec));
    writeFileSync(`${group}/cgroup.procs`, String(world.supervisorPid()));
    // The hog is an agent of a fleet without pressure: 700 of the 1,024 MiB, as perl keeps the text twice.
    const hog = { ...SLEEPERS, name: 'hog', command: ['perl', '-e', `$x = 'x' x ${350 * MIB}; sleep`] };
    await world.ok('spawn', '1', '-f', world.write('hog.json', JSON.stringify(hog)));
    await until(async () => (await world.fleet('web')).pressure !== null);
    const refused = await world.fleetctl('spawn', '4', '--fleet', 'web', '--timeout', '2s');
    expect(refused.code).toBe(4);
    expect(await world.fleet('web')).toMatchObject({ running: 2, target: 4 });
    expect((await world.fleetctl('status')).stdout).toContain('web starts no agents: ');
    await world.ok('kill', '--all', '--fleet', 'hog');
    await until(async () => (await world.fleet('web')).ready === 4);
    await until(() => readFileSync(told, 'utf8') === 'web begin\nweb end\n');
    const said = (await world.events()).filter(({ type }) => type === 'pressure').map(({ reason }) => reason);
    expect(said).toEqual([
      expect.stringMatching(/^no starts: .* pressure.available is 50 %$/),
      'memory is available again',
    ]);
  });
});

function tryRemove(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

test('maintenance is durable, ends by itself, and is said by status', async () => {
  await world.ok('spawn', '1', '-f', write(SLEEPERS));
  expect((await world.status()).maintenance).toBeNull();
  await world.ok('maintenance', 'on');
  expect((await world.status()).maintenance).toEqual({ until: null });
  await world.killSupervisor();
  await world.ok('spawn', '1');
  expect((await world.fleetctl('status')).stdout).toContain('silenced until fleetctl maintenance off');
  await world.ok('maintenance', 'on', '--for', '1s');
  await until(async () => (await world.status()).maintenance === null);
  await world.ok('maintenance', 'on', '--for', '1h');
  await world.ok('maintenance', 'off');
  expect((await world.status()).maintenance).toBeNull();
  expect((await world.fleetctl('maintenance', 'off', '--for', '1h')).code).toBe(2);
});
