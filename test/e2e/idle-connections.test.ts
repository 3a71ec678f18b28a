import { get } from 'node:http';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

const PORTS = { metrics: 23_960, dashboard: 23_961 } as const;
/** Several times what any of the servers takes at once. */
const MANY = 400;

let world: World;
let page: URL;
const sockets: Socket[] = [];
const timers: NodeJS.Timeout[] = [];
beforeAll(async () => {
  world = new World();
  await world.ok('spawn', '1', '--name', 'web', '--ready', 'after:10ms', '--', 'sleep', '1000');
  await world.ok('metrics', '--port', String(PORTS.metrics));
  const { stdout } = await world.ok('dashboard', '--port', String(PORTS.dashboard), '--json');
  page = new URL((JSON.parse(stdout) as { url: string }).url);
});
afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer);
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => world.dispose());

const api = () => ({ path: join(world.runtimeDir, 'fleetd.sock') });
const at = (port: number) => ({ host: '127.0.0.1', port });

function open(to: NetConnectOpts): Promise<Socket> {
  const socket = connect(to);
  socket.on('error', () => {}); // Being closed is what these tests are about.
  sockets.push(socket.resume());
  return new Promise((resolve) =>
    socket.once('connect', () => resolve(socket)).once('close', () => resolve(socket)),
  );
}

async function openMany(to: NetConnectOpts, use: (socket: Socket) => void): Promise<void> {
  for (let i = 0; i < MANY; i++) use(await open(to));
}

/** The status of an answer to GET over a connection of its own. */
function ask(to: object, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { path: socketPath, ...others } = to as { path?: string };
    get({ ...others, ...(socketPath && { socketPath }), path, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode!));
    }).once('error', reject);
  });
}

const SERVERS = [
  ['the API', api, () => '/v1/status'],
  ['the metrics', () => at(PORTS.metrics), () => '/metrics'],
  ['the dashboard', () => at(PORTS.dashboard), () => `/${page.search}`],
] as const;

describe.each(SERVERS)('%s', (_what, to, path) => {
  test('is not locked by connections that ask nothing', async () => {
    await openMany(to(), () => {});
    expect(await ask(to(), path())).toBe(200);
  });

  test('is not locked by connections that drip a request', async () => {
    await openMany(to(), (socket) => {
      socket.write('GET /v1/status HTTP/1.1\r\nHost: x\r\n');
      timers.push(setInterval(() => socket.writable && socket.write('X-A: b\r\n'), 1_000));
    });
    expect(await ask(to(), path())).toBe(200);
  });

  test('is not locked by connections that owe the rest of a body', async () => {
    await openMany(to(), (socket) => {
      socket.write(
        'POST /v1/maintenance HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
      );
    });
    expect(await ask(to(), path())).toBe(200);
  });
});

test('who follows stays, however many do nothing beside it', async () => {
  const follower = await open(api());
  let heard = '';
  follower.setEncoding('utf8').on('data', (chunk) => {
    heard += chunk;
  });
  follower.write('GET /v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => heard.includes('ready'));
  await openMany(api(), () => {});
  await world.ok('spawn', '2');
  await until(() => heard.includes('target 2'));
  expect(follower.destroyed).toBe(false);
});
