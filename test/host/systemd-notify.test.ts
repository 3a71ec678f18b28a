import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { heartbeatIntervalMs } from '../../src/daemon/heartbeat.ts';
import { sendNotification } from '../../src/host/net/systemd-notify.ts';
import { NotifySocket } from '../../src/host/net/unix.ts';
import { until, World } from '../e2e/harness.ts';

const FLEETD = fileURLToPath(new URL('../../bin/fleetd', import.meta.url));

let world: World;
let manager: NotifySocket;
beforeEach(() => {
  world = new World();
  manager = new NotifySocket(join(world.root, 'notify'));
});
afterEach(async () => {
  manager.close();
  await world.dispose();
});

test('asks for three heartbeats within the time of the watchdog', () => {
  const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' };
  expect(heartbeatIntervalMs(env, 42)).toBe(10_000);
});

test('sends no heartbeat where the watchdog is not asked for, or is for another process', () => {
  const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' };
  expect(heartbeatIntervalMs(env, 43)).toBeNull();
  expect(heartbeatIntervalMs({ NOTIFY_SOCKET: '/run/systemd/notify' }, 42)).toBeNull();
  expect(heartbeatIntervalMs({ WATCHDOG_USEC: '30000000' }, 42)).toBeNull();
});

test('a message reaches the manager as one datagram, with our pid', () => {
  sendNotification(join(world.root, 'notify'), 'READY=1\nSTATUS=well');
  expect(manager.receive()).toEqual({ pid: process.pid, text: 'READY=1\nSTATUS=well' });
});

test('a manager that is not there is an error, not a silence', () => {
  expect(() => sendNotification(join(world.root, 'nobody'), 'READY=1')).toThrow(/connect .*ENOENT/);
});

test('a supervisor with a manager tells that it is ready and alive, and ends with its own status when it is shut down', async () => {
  const env = { ...world.env, NOTIFY_SOCKET: join(world.root, 'notify'), WATCHDOG_USEC: '300000' };
  const supervisor = spawn(FLEETD, { env, stdio: 'ignore', detached: true });
  const ended = once(supervisor, 'exit');
  const said: string[] = [];
  const hears = (text: string) => until(() => hear(said).some((message) => message.includes(text)));
  await hears('READY=1');
  expect(existsSync(join(world.runtimeDir, 'fleetd.sock'))).toBe(true);
  await hears('WATCHDOG=1');
  await world.ok('shutdown');
  await hears('STOPPING=1');
  expect(await ended).toEqual([100, null]);
});

test('a supervisor that gets SIGTERM ends with 0, so that Restart=always brings it back unless the manager sent it', async () => {
  const env = { ...world.env, NOTIFY_SOCKET: join(world.root, 'notify') };
  const supervisor = spawn(FLEETD, { env, stdio: 'ignore', detached: true });
  const ended = once(supervisor, 'exit');
  const said: string[] = [];
  await until(() => hear(said).some((message) => message.includes('READY=1')));
  supervisor.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

/** All that was said so far. */
function hear(said: string[]): string[] {
  for (;;) {
    const message = manager.receive();
    if (message === null) return said;
    said.push(message.text);
  }
}
