import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { until, World } from './harness.ts';

/** Out of the way of outgoing connections, and of other test files where these share a network. */
const PORT = 23_000 + (process.pid % 900);

/**
 * A web server that answers 404 to whoever sends neither the host nor the header it expects, 302 at /moved, 204 at any
 * other path. It writes its start and each request to the file `asked`.
 */
const SERVER = `
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
appendFileSync('asked', 'started\\n');
createServer(({ headers, url }, response) => {
  appendFileSync('asked', 'asked\\n');
  const isKnown = headers.host === 'example.org' && headers['x-slot'] === process.env.FLEET_SLOT;
  response.writeHead(isKnown ? (url === '/moved' ? 302 : 204) : 404).end();
}).listen(Number(process.env.FLEET_PORT), '127.0.0.1');
`;

const HTTP = { http: '/', host: 'example.org', headers: { 'X-Slot': '{slot}' } };

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

function spec(keys: object): string {
  const server = world.write('server.mjs', SERVER);
  const fleet = {
    name: 'web',
    command: [process.execPath, server],
    ports: { base: PORT },
    rounds: { parallel: 10, delay: '0s' },
    restart: { backoff: { min: '10ms', max: '100ms' }, storm: 'off' },
    ...keys,
  };
  return world.write('web.json', JSON.stringify(fleet));
}

const sleeper = (keys: object) => spec({ command: ['sleep', '100000'], ready: { after: '10ms' }, ...keys });

async function first(): Promise<AgentRow> {
  return (await world.ps())[0]!;
}

async function reasons(type: string): Promise<string[]> {
  return (await world.events()).filter((event) => event.type === type).map(({ reason }) => reason);
}

test('HTTP is asked with the host and the headers of the slot', async () => {
  await world.ok('spawn', '2', '-f', spec({ ready: HTTP }));
  expect((await world.ps()).map(({ state }) => state)).toEqual(['ready', 'ready']);
});

test.each([
  ['another host', { ...HTTP, host: 'example.com' }, 'GET /: 404'],
  ['no header', { ...HTTP, headers: {} }, 'GET /: 404'],
  ['a status that is not among those that pass', { ...HTTP, http: '/moved' }, 'GET /moved: 302'],
])('an agent that answers %s is not ready', async (_, ready, reason) => {
  const file = spec({ ready: { ...ready, timeout: '1s' } });
  expect((await world.fleetctl('spawn', '1', '-f', file)).code).toBe(4);
  expect((await reasons('stop'))[0]).toContain(reason);
});

test('the statuses that pass are those of the spec', async () => {
  await world.ok('spawn', '1', '-f', spec({ ready: { ...HTTP, http: '/moved', status: '200-299,302' } }));
  expect((await first()).state).toBe('ready');
});

test('a starting agent is asked no more often than ready.every', async () => {
  const ready = { ...HTTP, status: 500, every: '1s', timeout: '3s' };
  expect((await world.fleetctl('spawn', '1', '-f', spec({ ready }))).code).toBe(4);
  await world.fleetctl('kill', '--all');
  const lives = readFileSync(`${world.stateDir}/fleets/web/0/asked`, 'utf8').split('started').slice(1);
  const asked = lives.map((life) => life.match(/asked/g)?.length ?? 0);
  // Without it, an agent is asked every few milliseconds at first. With it: at once, and once in each of three seconds.
  expect(Math.max(...asked)).toBeGreaterThan(0);
  expect(Math.max(...asked)).toBeLessThanOrEqual(4);
});

test('health is checked apart from ready, by a command that has its own arguments', async () => {
  const check = { exec: ['test', '!', '-e', '{dir}/ill'] };
  await world.ok('spawn', '1', '-f', sleeper({ health: { check, every: '50ms', failures: 3 } }));
  const { dir, pid } = await first();
  writeFileSync(`${dir}/ill`, '');
  await until(async () => (await reasons('unhealthy')).includes('the check exited 1'));
  await until(async () => (await first()).pid !== pid);
});

test('a failed check does not count within health.after of ready', async () => {
  const check = { exec: ['sh', '-c', 'echo >> {dir}/checks; exit 1'] };
  const health = { check, every: '50ms', failures: 1, after: '1h' };
  await world.ok('spawn', '1', '-f', sleeper({ health }));
  const { dir, pid } = await first();
  const checks = () => (existsSync(`${dir}/checks`) ? readFileSync(`${dir}/checks`, 'utf8').length : 0);
  await until(async () => checks() >= 3);
  expect(await first()).toMatchObject({ state: 'ready', pid });
  expect(await reasons('unhealthy')).toEqual([]);
});

test('an agent that is watched only after it is ready is told where to send WATCHDOG=1, and how often', async () => {
  const command = ['sh', '-c', 'env > {dir}/env; exec sleep 100000'];
  await world.ok('spawn', '1', '-f', sleeper({ command, health: { check: 'notify', every: '30s' } }));
  const env = readFileSync(`${(await first()).dir}/env`, 'utf8');
  expect(env).toMatch(/^WATCHDOG_USEC=30000000$/m);
  expect(env).toMatch(/^NOTIFY_SOCKET=./m);
});
