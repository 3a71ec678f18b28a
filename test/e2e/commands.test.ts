import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isRunning, until, World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const FLAGS = ['--parallel', '100', '--round-delay', '0', '--ready', 'after:10ms'];
const web = (...command: string[]) => ['--name', 'web', ...FLAGS, '--', ...command];
const SLEEP = web('sleep', '1000');
const keys = (value: object) => Object.keys(value).sort();

/** A command's one JSON document; stdout must hold nothing else. */
async function json(...args: string[]): Promise<{ code: number; document: Record<string, unknown> }> {
  const { code, stdout } = await world.fleetctl(...args, '--json');
  return { code, document: JSON.parse(stdout) as Record<string, unknown> };
}

async function errorOf(...args: string[]): Promise<{ code: number; error: string }> {
  const { code, document } = await json(...args);
  const error = document.error as Record<string, unknown>;
  expect(keys(error)).toEqual(['code', 'exitCode', 'hint', 'message', 'retryable']);
  expect(error.exitCode).toBe(code);
  return { code, error: error.code as string };
}

describe('--json', () => {
  test('of status and ps has exactly the keys of the contract', async () => {
    await world.ok('spawn', '3', '--port-base', '23200', ...web('sleep', '1000'));
    const [first] = await world.ps();
    process.kill(first!.pid!, 'SIGKILL');
    await until(async () => (await world.ps())[0]!.restarts === 1 && (await world.fleet()).ready === 3);
    const { document: status } = await json('status');
    expect(keys(status)).toEqual(['fleets', 'host', 'supervisor']);
    expect(keys(status.supervisor as object)).toEqual(['pid', 'rssBytes', 'uptimeSeconds', 'version']);
    expect(keys(status.host as object)).toEqual([
      'agentsMax',
      'memoryAvailableBytes',
      'memoryPressure',
      'memoryTotalBytes',
    ]);
    const [fleet] = status.fleets as Record<string, unknown>[];
    expect(keys(fleet!)).toEqual([
      'backoff',
      'completed',
      'failed',
      'held',
      'leak',
      'name',
      'pssBytes',
      'ready',
      'release',
      'rollout',
      'rssBytes',
      'running',
      'starting',
      'stopping',
      'target',
    ]);
    expect(fleet).toMatchObject({
      name: 'web',
      target: 3,
      running: 3,
      ready: 3,
      held: null,
      leak: { verdict: 'none', bytesPerHour: 0, since: null, cohort: null, agents: [], exhaustsAt: null },
      rollout: null,
    });
    const { document: ps } = await json('ps');
    expect(keys(ps)).toEqual(['agents']);
    for (const agent of ps.agents as Record<string, unknown>[]) {
      expect(keys(agent)).toEqual([
        'dir',
        'fleet',
        'lastExit',
        'pid',
        'port',
        'release',
        'restarts',
        'rssBytes',
        'slot',
        'socket',
        'startedAt',
        'state',
      ]);
      expect(agent.startedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    expect((ps.agents as Record<string, unknown>[])[0]!.lastExit).toMatchObject({
      code: null,
      signal: 'SIGKILL',
    });
    expect(keys((ps.agents as { lastExit: object }[])[0]!.lastExit)).toEqual([
      'at',
      'code',
      'reason',
      'signal',
    ]);
    await world.ok('hold');
    expect(keys((await world.fleet()).held!)).toEqual(['reason', 'sample', 'since']);
  });

  test('of every other command is one document, or lines of them', async () => {
    expect((await json('init')).document).toMatchObject({ file: join(world.root, 'fleet.yaml') });
    const spawned = await world.ok('spawn', '3', '--json', ...SLEEP);
    expect(JSON.parse(spawned.stdout)).toMatchObject({ fleet: 'web', target: 3, exitCode: 0, ready: 3 });
    expect((await json('restart')).document).toMatchObject({ fleet: 'web', exitCode: 0 });
    expect((await json('hold')).code).toBe(0);
    expect((await json('resume')).code).toBe(0);
    expect((await json('kill', '--slots', '1')).document).toMatchObject({
      fleet: 'web',
      target: 2,
      exitCode: 0,
    });
    for (const args of [
      ['events', '--json'],
      ['logs', '0', '--json'],
    ]) {
      const { code, stdout } = await world.fleetctl(...args);
      expect(code).toBe(0);
      for (const line of stdout.split('\n').filter(Boolean)) expect(JSON.parse(line)).toBeTypeOf('object');
    }
    const event = (await world.events()).at(-1)!;
    expect(keys(event)).toEqual(['at', 'fleet', 'reason', 'seq', 'slots', 'type']);
    expect((await json('kill', '--all')).code).toBe(0);
    expect((await json('remove')).document).toMatchObject({ fleet: 'web' });
    expect((await json('shutdown')).code).toBe(0);
  });
});

describe('exit codes', () => {
  test('2 for what is used wrongly, and nothing is started for that', async () => {
    for (const [args, code] of [
      [['spawn', 'many'], 'FLEET_USAGE'],
      [['spawn', '-1'], 'FLEET_USAGE'],
      [['spawn'], 'FLEET_SPEC_MISSING'],
      [['spawn', '3', '-f', 'no-such.yaml'], null],
      [['spawn', '3', '--ready', 'soon', '--', 'sleep', '1'], null],
      [['frobnicate'], 'FLEET_USAGE'],
      [['kill', '1', '--all'], 'FLEET_USAGE'],
      [['kill'], 'FLEET_USAGE'],
      [['kill', '--slots', '9-1'], null],
    ] as const) {
      const at = args.indexOf('--' as never);
      const [head, tail] = at < 0 ? [args, []] : [args.slice(0, at), args.slice(at)];
      const { code: exit, stdout } = await world.fleetctl(...head, '--json', ...tail);
      const { error } = JSON.parse(stdout) as { error: { code: string } };
      expect([args.join(' '), exit]).toEqual([args.join(' '), 2]);
      if (code) expect(error.code).toBe(code);
    }
    expect(world.supervisorPid()).toBeNull();
    const missing = await world.fleetctl('spawn', '3', '--', './no-such-agent');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/FLEET_EXECUTABLE_UNUSABLE.*no-such-agent/);
    expect((await world.status()).fleets).toEqual([]);
  });

  test('3 where no supervisor is, and none may be started', async () => {
    const { code, stderr } = await world.fleetctl('spawn', '3', '--no-autostart', ...SLEEP);
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(/FLEET_SUPERVISOR_AWAY/);
    for (const command of [['status'], ['ps'], ['kill', '--all'], ['hold'], ['shutdown'], ['events']]) {
      expect(await errorOf(...command)).toEqual({ code: 3, error: 'FLEET_SUPERVISOR_AWAY' });
    }
    expect(existsSync(world.stateDir)).toBe(false);
  });

  test('4 when watching takes longer than it may; the work goes on', async () => {
    const ended = await world.fleetctl(
      'spawn',
      '3',
      '--timeout',
      '300ms',
      '--name',
      'web',
      '--ready',
      'after:2s',
      '--',
      'sleep',
      '1000',
    );
    expect(ended.code, ended.stderr).toBe(4);
    await until(async () => (await world.fleet()).ready === 3);
  });

  test('1 when another command sets another target meanwhile', async () => {
    await world.ok(
      'spawn',
      '1',
      ...web('sleep', '1000').slice(0, 2),
      '--ready',
      'after:1s',
      '--',
      'sleep',
      '1000',
    );
    const watching = world.fleetctl('spawn', '8');
    await until(async () => (await world.fleet()).target === 8);
    await world.ok('spawn', '2');
    const ended = await watching;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/another command set the target to 2/);
  });

  test('2 for fleets and slots that there are not, and names those that there are', async () => {
    await world.ok('spawn', '2', ...SLEEP);
    expect((await errorOf('ps', '--fleet', 'wbe')).code).toBe(2);
    expect(await errorOf('kill', '--slots', '7')).toEqual({ code: 2, error: 'FLEET_SLOT_UNKNOWN' });
    expect(await errorOf('restart', '--slots', '0,7')).toEqual({ code: 2, error: 'FLEET_SLOT_UNKNOWN' });
    expect(await errorOf('logs', '7')).toEqual({ code: 2, error: 'FLEET_SLOT_UNKNOWN' });
    await world.ok('spawn', '2', '--name', 'other', ...FLAGS, '--', 'sleep', '1000');
    expect(await errorOf('kill', '--all')).toEqual({ code: 2, error: 'FLEET_AMBIGUOUS' });
    expect(world.processes()).toHaveLength(4);
  });
});

describe('a changed spec', () => {
  const releases = async () => (await world.ps()).map(({ release }) => release);

  test('leaves running agents alone; new slots, and `restart --latest`, get the new release', async () => {
    await world.ok('spawn', '3', ...SLEEP);
    const before = await world.ps();
    const old = before[0]!.release!;
    await world.ok('spawn', '5', ...web('sleep', '2000'));
    const after = await world.ps();
    const newest = after[4]!.release!;
    expect(newest).not.toBe(old);
    expect(await releases()).toEqual([old, old, old, newest, newest]);
    expect(after.slice(0, 3).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    // One that crashes comes back as it was; so it does from a restart, and under another supervisor.
    process.kill(before[0]!.pid!, 'SIGKILL');
    await until(async () => (await world.ps())[0]!.restarts === 1 && (await world.fleet()).ready === 5);
    await world.ok('restart', '--slots', '1');
    await world.killSupervisor();
    await world.ok('spawn');
    expect(await releases()).toEqual([old, old, old, newest, newest]);
    await world.ok('restart', '--slots', '0-1', '--latest');
    expect(await releases()).toEqual([newest, newest, old, newest, newest]);
    // RELEASE is what runs, that of most agents first.
    const counts = [
      { release: newest, agents: 4 },
      { release: old, agents: 1 },
    ];
    expect((await world.fleet()).releases).toEqual(counts);
    expect((await world.ok('status')).stdout).toMatch(
      new RegExp(`^web .*  ${newest} \\(newest\\) \\+1$`, 'm'),
    );
    await world.ok('restart', '--latest');
    expect(await releases()).toEqual(Array(5).fill(newest));
    const { document } = await json('status');
    expect((document.fleets as { release: string }[])[0]!.release).toBe(newest);
  });

  test('changes ports only by force, or at target 0', async () => {
    const httpd = (base: number) => [
      '--port-base',
      String(base),
      '--name',
      'web',
      '--round-delay',
      '0',
      '--',
      'busybox',
      'httpd',
      '-f',
      '-p',
      '127.0.0.1:{port}',
    ];
    await world.ok('spawn', '3', ...httpd(23_210));
    const before = await world.ps();
    const refused = await world.fleetctl('spawn', '3', ...httpd(23_220));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/FLEET_SPEC_FIXED.*ports/);
    expect(await world.ps()).toMatchObject(before.map(({ pid, port }) => ({ pid, port })));
    await world.ok('spawn', '3', '--force', ...httpd(23_220));
    const after = await world.ps();
    expect(after.map(({ port, state }) => [port, state])).toEqual(
      [23_220, 23_221, 23_222].map((port) => [port, 'ready']),
    );
    expect(before.some(({ pid }) => isRunning(pid!))).toBe(false);
    await world.ok('kill', '--all');
    await world.ok('spawn', '3', ...httpd(23_230));
    expect((await world.ps()).map(({ port }) => port)).toEqual([23_230, 23_231, 23_232]);
  });

  test('that is refused changes nothing', async () => {
    await world.ok('spawn', '3', ...SLEEP);
    const before = await world.ps();
    const refused = await world.fleetctl('spawn', '5', ...web('./no-such-agent'));
    expect(refused.code).toBe(2);
    expect(await world.ps()).toMatchObject(before.map(({ pid, release }) => ({ pid, release })));
    expect((await world.fleet()).target).toBe(3);
  });
});

describe('remove', () => {
  test('is refused while agents run; keeps the directories unless they are purged', async () => {
    await world.ok('spawn', '2', ...SLEEP);
    expect(await errorOf('remove')).toEqual({ code: 1, error: 'FLEET_BUSY' });
    await world.ok('kill', '--all');
    await world.ok('remove');
    expect((await world.status()).fleets).toEqual([]);
    expect(existsSync(join(world.stateDir, 'fleets/web/0'))).toBe(true);
    await world.ok('spawn', '2', ...SLEEP);
    await world.ok('kill', '--all');
    await world.ok('remove', '--purge');
    expect(existsSync(join(world.stateDir, 'fleets/web'))).toBe(false);
    expect(existsSync(join(world.stateDir, 'logs/web'))).toBe(false);
    expect(existsSync(join(world.runtimeDir, 'web'))).toBe(false);
    // A fleet that was removed without its directories can still be purged, once.
    await world.ok('spawn', '2', ...SLEEP);
    await world.ok('kill', '--all');
    expect((await world.ok('remove')).stderr).toContain('fleetctl remove --fleet web --purge deletes them');
    const purged = await world.ok('remove', '--fleet', 'web', '--purge', '--json');
    expect(JSON.parse(purged.stdout)).toEqual({ fleet: 'web', removed: false, purged: true });
    for (const what of ['fleets', 'logs'])
      expect(readdirSync(join(world.stateDir, what)).filter((name) => name.includes('web'))).toEqual([]);
    expect(await world.fleetctl('remove', '--fleet', 'web', '--purge')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no fleet "web", and none of this name has left directories'),
    });
    expect((await world.fleetctl('remove', '--fleet', 'web')).code).toBe(2);
    // Only what may be a fleet's name is looked for below the state directory.
    for (const name of ['../logs', '../releases', '../fleets/../fleets', '..', '.', ''])
      await expect(world.client.call('remove', { fleet: name, purge: true })).rejects.toThrow();
    for (const what of ['fleets', 'logs', 'releases'])
      expect(existsSync(join(world.stateDir, what)), what).toBe(true);
    // It is forgotten for good.
    await world.killSupervisor();
    expect((await world.fleetctl('spawn')).code).toBe(2);
  });
});

describe('shutdown', () => {
  test('leaves the agents running, and the next supervisor finds them', async () => {
    await world.ok('spawn', '3', ...SLEEP);
    const before = await world.ps();
    await world.ok('shutdown');
    expect(world.supervisorPid()).toBeNull();
    expect(before.every(({ pid }) => isRunning(pid!))).toBe(true);
    await world.ok('spawn');
    expect((await world.ps()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  });

  test('takes the agents along if told to; the target stays', async () => {
    await world.ok('spawn', '3', ...SLEEP);
    await world.ok('shutdown', '--with-agents');
    expect(world.supervisorPid()).toBeNull();
    expect(world.processes()).toEqual([]);
    // Nothing of it is left on the host either.
    expect(world.cgroup).toBeNull();
    await world.ok('spawn');
    expect((await world.fleet()).ready).toBe(3);
  });
});
