import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { until, World } from './harness.ts';

const PORT = 23_000 + (process.pid % 900);

/**
 * A small web server. It notes the headers of each request in the file `asked`, and answers with the code in the file of
 * the path's name in its directory, or 404; `/hang` is not answered.
 */
const DAEMON = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
createServer((request, response) => {
  appendFileSync('asked', JSON.stringify({ url: request.url, ...request.headers }) + '\\n');
  const file = '.' + request.url;
  const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : '404';
  if (text === 'hang') return;
  response.statusCode = Number(text);
  response.end();
}).listen(Number(process.env.FLEET_PORT), '127.0.0.1');
`;

let world: World;
let daemon: string;
beforeEach(() => {
  world = new World();
  daemon = world.write('daemon.mjs', DAEMON);
});
afterEach(() => world.dispose());

function spec(keys: object): string {
  const fleet = {
    name: 'web',
    command: [process.execPath, daemon],
    ports: { base: PORT },
    ready: { http: '/ready', timeout: '30s' },
    prepare: ['sh', '-c', 'cd {dir} && echo 200 > ready && echo 200 > live'],
    rounds: { delay: '0s' },
    restart: { backoff: { min: '10ms', max: '100ms' }, storm: 'off' },
    stop: { grace: '1s' },
    ...keys,
  };
  return world.write('fleet.json', JSON.stringify(fleet));
}

const agent = async (): Promise<AgentRow> => (await world.ps())[0]!;
const reasons = async (type: string) =>
  (await world.events()).filter((event) => event.type === type).map(({ reason }) => reason);

async function answer(path: string, text: string): Promise<void> {
  writeFileSync(`${(await agent()).dir}/${path}`, `${text}\n`);
}

/** What the agent was asked so far. */
async function asked(): Promise<Record<string, string>[]> {
  const text = readFileSync(`${(await agent()).dir}/asked`, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, string>);
}

test('ready asks with the Host and the headers of the spec, filled in, and takes the codes of the spec', async () => {
  const headers = { 'X-Slot': 'slot {slot} of {fleet}' };
  const ready = { http: '/none', status: '404,500-503', host: 'example.org:80', headers };
  await world.ok('spawn', '1', '-f', spec({ ready }));
  expect((await asked()).at(-1)).toMatchObject({
    url: '/none',
    host: 'example.org:80',
    'x-slot': 'slot 0 of web',
  });
  await world.ok('kill', '--all');
  const other = spec({ ready: { http: '/ready', status: 204, timeout: '300ms' } });
  expect((await world.fleetctl('spawn', '1', '-f', other)).code).toBe(4);
  expect((await reasons('stop')).some((reason) => reason.includes('GET /ready: 200'))).toBe(true);
});

test('ready.every is the interval at which an agent that starts is asked', async () => {
  // The default asks a dozen times within the first second.
  const file = spec({ ready: { http: '/none', every: '10m', timeout: '2s' }, restart: { on: 'never' } });
  expect((await world.fleetctl('spawn', '1', '-f', file)).code).toBe(4);
  const [stop] = await reasons('stop');
  expect(stop).toMatch(/not ready/);
  expect((await asked().catch(() => [])).length).toBeLessThanOrEqual(1);
});

describe('health.check', () => {
  test('is apart from ready: an agent that fails it is restarted, though it is ready by the other', async () => {
    await world.ok('spawn', '1', '-f', spec({ health: { check: { http: '/live' }, every: '100ms' } }));
    const { pid } = await agent();
    await answer('ready', '500');
    await until(async () => (await asked()).filter(({ url }) => url === '/live').length > 5);
    expect(await agent()).toMatchObject({ pid, state: 'ready' });
    await answer('ready', '200');
    await answer('live', '503');
    await until(async () => (await agent()).pid !== pid);
    expect((await reasons('unhealthy'))[0]).toBe('GET /live: 503');
  });

  test('fails after health.timeout without an answer', async () => {
    const health = { check: { http: '/live' }, every: '100ms', timeout: '150ms', failures: 1_000 };
    await world.ok('spawn', '1', '-f', spec({ health }));
    await answer('live', 'hang');
    await until(async () => (await agent()).state === 'unready');
    expect((await reasons('unhealthy'))[0]).toBe('GET /live: no answer within 150 ms');
  });

  test('by a command of its own, which has its time', async () => {
    const exec = ['sh', '-c', 'test ! -e {dir}/sick || sleep 100'];
    const health = { check: { exec }, every: '100ms', timeout: '300ms', failures: 1_000 };
    await world.ok('spawn', '1', '-f', spec({ health }));
    await answer('sick', 'yes');
    await until(async () => (await agent()).state === 'unready');
    expect((await reasons('unhealthy'))[0]).toBe('the check took more than 300 ms');
    const missing = spec({ health: { check: { exec: ['./none'] } } });
    expect(await world.fleetctl('spawn', '1', '-f', missing)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('health.check.exec[0]'),
    });
  });

  test('does not count within health.after of ready', async () => {
    const health = { check: { http: '/none' }, every: '100ms', failures: 1, after: '1h' };
    await world.ok('spawn', '1', '-f', spec({ health }));
    const { pid } = await agent();
    await until(async () => (await asked()).filter(({ url }) => url === '/none').length > 5);
    expect(await agent()).toMatchObject({ pid, state: 'ready' });
    expect(await reasons('unhealthy')).toEqual([]);
  });

  test('by notification: the agent is told where, and how often', async () => {
    const command = ['sh', '-c', 'env > {dir}/env; exec "$0" "$1"', process.execPath, daemon];
    const health = { check: 'notify', every: '1s', failures: 1 };
    await world.ok('spawn', '1', '-f', spec({ command, health }));
    const { pid, dir } = await agent();
    const env = readFileSync(`${dir}/env`, 'utf8');
    expect(env).toContain(`NOTIFY_SOCKET=${world.runtimeDir}/notify.sock\n`);
    expect(env).toContain('WATCHDOG_USEC=1000000\n');
    await until(async () => (await agent()).pid !== pid);
    expect((await reasons('unhealthy'))[0]).toBe('no WATCHDOG=1 for 1000 ms');
  });
});
