import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WatchdogReport } from '../../src/api/watchdog.ts';
import { type Ended, until, World } from './harness.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const SLEEPERS = ['--name', 'web', '--parallel', '50', '--round-delay', '0', '--ready', 'after:10ms'];

/** Like nobody else's on this host: a look-alike would be told as a stray. */
const SECONDS = String(1_000_000 + process.pid);

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** Runs a line as cron does: by sh, with next to no environment. */
function asCron(line: string): Promise<Ended> {
  const env = {
    PATH: '/usr/bin:/bin',
    FLEETD_STATE_DIR: world.stateDir,
    FLEETD_RUNTIME_DIR: world.runtimeDir,
  };
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', line], { cwd: '/', env }, (error, stdout, stderr) =>
      resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
    );
  });
}

describe('fleetctl watchdog', () => {
  test('starts the supervisor where none runs, says so in one line, and finds the fleet as it was', async () => {
    await world.ok('spawn', '5', ...SLEEPERS, '--', 'sleep', SECONDS);
    const before = (await world.ps()).map(({ pid }) => pid);
    await world.killSupervisor();
    const { code, stdout } = await world.fleetctl('watchdog');
    const pid = world.supervisorPid();
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `ok: the supervisor was down and has been started, pid ${pid}; web 5 of 5 ready\n`,
    });
    expect((await world.ps()).map((agent) => agent.pid)).toEqual(before);
    expect((await world.fleetctl('watchdog')).stdout).toBe('ok: web 5 of 5 ready\n');
  });

  test('several at once start one supervisor, and none fails', async () => {
    const ended = await Promise.all(Array.from({ length: 4 }, () => world.fleetctl('watchdog', '--json')));
    const reports = ended.map(({ stdout }) => JSON.parse(stdout) as WatchdogReport & { verdict: 'ok' });
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(new Set(reports.map(({ supervisor }) => supervisor.pid))).toEqual(
      new Set([world.supervisorPid()]),
    );
    expect(reports.filter(({ supervisor }) => supervisor.started)).toHaveLength(1);
  });

  test('is degraded where agents fail or the fleet is held, and not while they come up', async () => {
    await world.ok('spawn', '3', ...SLEEPERS, '--', 'sleep', SECONDS);
    void world.fleetctl(
      'spawn',
      '9',
      '--timeout',
      '1s',
      ...SLEEPERS.slice(0, -1),
      'after:1h',
      '--',
      'sleep',
      SECONDS,
    );
    await until(async () => (await world.fleet()).target === 9);
    const coming = await world.fleetctl('watchdog');
    expect(coming).toMatchObject({ code: 0, stdout: 'ok: web 3 of 9 ready; web: 6 coming up\n' });
    await world.ok('hold');
    const held = await world.fleetctl('watchdog', '--json');
    expect(held.code).toBe(4);
    expect(JSON.parse(held.stdout)).toMatchObject({
      verdict: 'degraded',
      alarms: ['web is held: held by fleetctl hold'],
    });
  });

  test('a crash loop is degraded', async () => {
    await world.fleetctl('spawn', '2', '--name', 'bad', '--timeout', '1s', '--', 'false');
    await until(async () => (await world.fleetctl('watchdog')).code === 4);
    expect((await world.fleetctl('watchdog')).stdout).toMatch(/^degraded: bad .*\n$/);
  });

  test('rests during maintenance', async () => {
    await world.ok('spawn', '1', ...SLEEPERS, '--', 'sleep', SECONDS);
    await world.ok('hold');
    await world.ok('maintenance', 'on');
    const { code, stdout } = await world.fleetctl('watchdog');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^maintenance: alarms are silenced .*web is held/);
  });

  test('says why where no supervisor can be started, and exits 3', async () => {
    writeFileSync(join(world.root, 's'), 'in the way');
    const { code, stdout } = await world.fleetctl('watchdog');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^down: .*\/s/);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const asJson = await world.fleetctl('watchdog', '--json');
    expect(JSON.parse(asJson.stdout)).toMatchObject({ verdict: 'down', error: { code: expect.any(String) } });
  });
});

describe('the cron line of examples/crontab', () => {
  const [line] = readFileSync(join(ROOT, 'examples/crontab'), 'utf8').match(/^\* \* \* \* \* .*$/m)!;
  const command = line!.replace('* * * * * ', '').replace('/usr/local/bin', join(ROOT, 'bin'));

  test('starts the supervisor from cron’s bare environment, and says nothing where all is well', async () => {
    expect(await asCron(command)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(world.supervisorPid()).not.toBeNull();
  });

  test('says what is wrong in one line, which cron mails', async () => {
    await world.ok('spawn', '1', ...SLEEPERS, '--', 'sleep', SECONDS);
    await world.ok('hold');
    const { stdout } = await asCron(command);
    expect(stdout).toBe('degraded: web is held: held by fleetctl hold\n');
  });
});
