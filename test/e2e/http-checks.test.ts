import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import { World } from './harness.ts';

/** Out of the way of outgoing connections, and of other test files where these share a network. */
const PORT = 23_000 + (process.pid % 900);

/**
 * A web server that answers 404 to whoever sends neither the host nor the header it expects, 302 at /moved, 204 at any
 * other path.
 */
const SERVER = `
import { createServer } from 'node:http';
createServer(({ headers, url }, response) => {
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
