import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, isRunning, until, World } from './harness.ts';

const SCRIPT = new URL('../../examples/vm-startup.sh', import.meta.url).pathname;
const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const REGISTRY_PORT = 27_200;
const TARGET = 20;

let world: World;
let registry: Server | null;
beforeEach(() => {
  world = new World();
  registry = null;
});
afterEach(async () => {
  registry?.close();
  await world.dispose();
});

const SPEC = {
  name: 'vm',
  command: ['sleep', '1000'],
  target: TARGET,
  rounds: { parallel: 10, delay: '0s' },
  ready: { after: '10ms' },
};

/** Boots: the script as a metadata service runs it, with next to no environment. */
function boot(changes: Record<string, string> = {}): Promise<Ended> {
  const env = {
    FLEET_SPEC: world.write('fleet.json', JSON.stringify(SPEC)),
    FLEET_REGISTRY: `127.0.0.1:${REGISTRY_PORT}`,
    FLEETCTL,
    FLEETD_STATE_DIR: world.stateDir,
    FLEETD_RUNTIME_DIR: world.runtimeDir,
    ...changes,
  };
  return new Promise((resolve) => {
    execFile('/bin/sh', [SCRIPT], { cwd: '/', env }, (error, stdout, stderr) =>
      resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
    );
  });
}

function openRegistry(): Promise<void> {
  registry = createServer((socket) => socket.destroy());
  return new Promise((resolve) => registry!.listen(REGISTRY_PORT, '127.0.0.1', resolve));
}

describe('examples/vm-startup.sh', () => {
  test('waits for the registry, starts nothing before, and then brings the fleet up', async () => {
    const booting = boot();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(world.supervisorPid()).toBeNull();
    await openRegistry();
    const { code, stderr } = await booting;
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('waiting for registry'),
    });
    expect(await world.fleet('vm')).toMatchObject({ target: TARGET, ready: TARGET, running: TARGET });
  });

  test('two copies at once give exactly the target, and so do two more', async () => {
    await openRegistry();
    expect((await Promise.all([boot(), boot()])).map(({ code }) => code)).toEqual([0, 0]);
    const pids = (await world.ps()).map(({ pid }) => pid!);
    expect(pids).toHaveLength(TARGET);
    expect(world.processes().sort()).toEqual([...pids].sort());
    expect((await Promise.all([boot(), boot()])).map(({ code }) => code)).toEqual([0, 0]);
    expect((await world.ps()).map(({ pid }) => pid)).toEqual(pids);
    expect(world.processes()).toHaveLength(TARGET);
  });

  test('after the supervisor was killed brings it back, with the agents that ran on', async () => {
    await openRegistry();
    await boot();
    const pids = (await world.ps()).map(({ pid }) => pid!);
    await world.killSupervisor();
    process.kill(pids[3]!, 'SIGKILL');
    await until(() => !isRunning(pids[3]!));
    expect((await Promise.all([boot(), boot()])).map(({ code }) => code)).toEqual([0, 0]);
    const after = (await world.ps()).map(({ pid }) => pid!);
    expect(after.filter((pid) => pids.includes(pid))).toHaveLength(TARGET - 1);
    expect(world.processes()).toHaveLength(TARGET);
  });

  test('gives up when the time is over, says what for, and has started nothing', async () => {
    const { code, stderr } = await boot({ FLEET_WAIT_SECONDS: '1' });
    expect(code).toBe(1);
    expect(stderr).toContain(`no registry at 127.0.0.1:${REGISTRY_PORT} within 1 s; no agent was started`);
    expect(world.supervisorPid()).toBeNull();
  });

  test.each([
    [{ FLEET_SPEC: '/nonexistent.yaml' }, 'cannot read /nonexistent.yaml', 2],
    [{ FLEET_REGISTRY: 'registry' }, 'must be HOST:PORT', 2],
    [{ FLEET_WAIT_SECONDS: 'soon' }, 'must be a whole number', 2],
    [{ FLEETCTL: '/nonexistent/fleetctl' }, 'Install fleetd', 1],
  ])('refuses %j, saying what to do', async (changes, message, exitCode) => {
    const { code, stderr } = await boot(changes);
    expect(code).toBe(exitCode);
    expect(stderr).toContain(message);
  });

  test('without a registry waits for the network alone', async () => {
    expect((await boot({ FLEET_REGISTRY: '' })).code).toBe(0);
    expect(await world.fleet('vm')).toMatchObject({ ready: TARGET });
  });
});
