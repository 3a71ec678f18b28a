import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until, World } from './harness.ts';

const FLEETD = new URL('../../bin/fleetd', import.meta.url).pathname;
const METRICS_PORT = 23_920;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const spawnFleet = () =>
  world.ok('spawn', '2', '--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000');

/** A supervisor that is not fleetctl's child: with an environment of the test's own. */
function startFleetd(env: Record<string, string> = {}) {
  const child = spawn(FLEETD, { env: { ...world.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  return { child, ended, said: text(child.stderr) };
}

test('a defect ends the supervisor for certain, and the next one finds its agents', async () => {
  const defect = 'process.on("SIGUSR2", () => { throw new Error("a defect of the test") })';
  const { child, ended } = startFleetd({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURI(defect)}`,
  });
  await until(() => world.isServed());
  await spawnFleet();
  const pids = (await world.ps()).map(({ pid }) => pid);
  child.kill('SIGUSR2');
  expect(await ended).toBe('SIGKILL');
  expect(readFileSync(`${world.stateDir}/fleetd.log`, 'utf8')).toContain('a defect of the test');
  expect((await world.ok('watchdog')).stdout).toContain('2 of 2 ready');
  expect((await world.ps()).map(({ pid }) => pid)).toEqual(pids);
});

test('a supervisor that cannot serve its socket ends, and says why', async () => {
  mkdirSync(`${world.runtimeDir}/fleetd.sock`, { recursive: true });
  const { ended, said } = startFleetd();
  expect(await ended).toBe(1);
  expect(await said).toContain(`${world.runtimeDir}/fleetd.sock`);
});

test('no request at the port of metrics ends the supervisor', async () => {
  await spawnFleet();
  await world.ok('metrics', '--port', String(METRICS_PORT));
  const pid = world.supervisorPid();
  for (const target of ['//', 'http://[', '/%', '*']) {
    const socket = connect(METRICS_PORT, '127.0.0.1').end(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await text(socket), target).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
  await world.ok('status');
  expect(world.supervisorPid()).toBe(pid);
});

test('maintenance for longer than dates can tell is refused in words', async () => {
  await spawnFleet();
  const { code, stderr } = await world.fleetctl('maintenance', 'on', '--for', '2450000000h');
  expect(code).toBe(2);
  expect(stderr).toContain('alarms cannot be silenced for');
  expect((await world.ok('watchdog')).stdout).toMatch(/^ok/);
});

test('no command waits for ever for a supervisor that is stopped', async () => {
  await spawnFleet();
  const pid = world.supervisorPid()!;
  process.kill(pid, 'SIGSTOP');
  try {
    const commands = [['metrics'], ['events'], ['logs', '0', '--fleet', 'web']];
    const ended = await Promise.all(commands.map((words) => world.fleetctl(...words)));
    expect(ended.map(({ code }) => code)).toEqual([3, 3, 3]);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}, 120_000);

test('a leak that was said and cannot be read is told, and ends nothing', async () => {
  await spawnFleet();
  await world.killSupervisor();
  const samples = new DatabaseSync(`${world.stateDir}/samples.db`);
  samples.prepare('INSERT OR REPLACE INTO said VALUES (?, ?)').run('web', '{rubbish');
  samples.close();
  await world.ok('watchdog');
  const pid = world.supervisorPid();
  await until(async () =>
    (await world.events()).some(({ type, reason }) => type === 'leak' && reason.includes('cannot be read')),
  );
  expect((await world.fleet()).leak.verdict).toBe('none');
  expect(world.supervisorPid()).toBe(pid);
});
