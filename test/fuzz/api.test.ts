import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMON_ERRORS } from '../../src/api/operation.ts';
import { OPERATIONS } from '../../src/api/operations.ts';
import type { ErrorDocument } from '../../src/errors/fleet-error.ts';
import { World } from '../e2e/harness.ts';
import { fuzz, RUNS, SEED, TIMEOUT_MS } from './fuzz.ts';

const BODIES = [
  '{"target":3}',
  '{"count":1}',
  '{"slots":"0-1,2"}',
  '{"all":true}',
  '{"latest":true,"slots":"0"}',
  '{"spec":{"name":"web","command":["sleep","1000"],"target":3},"baseDir":"/","force":true}',
  '{"action":"adopt","pids":[1]}',
  '{"on":true,"forMs":1000}',
  '[]',
];
/** Nothing here changes the fleet if it is refused; what is not is bounded by the target that it can name. */
const PATHS = [
  'GET /v1/status',
  'GET /v1/fleets',
  'GET /v1/agents?fleet=web&slots=0-2&usage=1',
  'GET /v1/agents?slots=0&slots=1',
  'GET /v1/events?fleet=web&after=0&limit=10',
  'GET /v1/fleets/web/memory?top=3&pss=all',
  'GET /v1/fleets/web/samples?since=0',
  'GET /v1/fleets/web/slots/0/log?lines=1',
  'GET /v1/fleets/web/watch?goal={"kind":"gone","slots":""}',
  'POST /v1/fleets/none/spawn',
  'POST /v1/fleets/none/kill',
  'POST /v1/fleets/none/restart',
  'POST /v1/fleets/none/strays',
  'POST /v1/maintenance',
  'DELETE /v1/fleets/none?purge=true',
];

/** Longer ones are refused as a whole head (test/e2e/api-limits.test.ts). */
const PATH_MAX = 8_000;

describe(`${RUNS} requests, seed ${SEED}`, () => {
  let world: World;
  beforeAll(async () => {
    world = new World();
    await world.ok('spawn', '3', '--name', 'web', '--ready', 'after:10ms', '--', 'sleep', '1000');
  });
  afterAll(() => world.dispose());

  test('each is answered, by JSON, and nothing of them is a defect', { timeout: TIMEOUT_MS }, async () => {
    const before = await world.ps();
    const pid = world.supervisorPid();
    let i = 0;
    await fuzz([...BODIES, ...PATHS], async (input) => {
      const text = input.toString('latin1');
      const isPath = /^(GET|POST|DELETE) \//.test(text);
      const path = isPath ? text : PATHS[i++ % PATHS.length]!;
      const body = isPath ? '{}' : input;
      const { status, error } = await ask(join(world.runtimeDir, 'fleetd.sock'), path, body);
      expect([200, 400, 409]).toContain(status);
      if (status !== 200) {
        expect(error?.code).not.toBe('FLEET_INTERNAL');
        expect(declaredErrors(path)).toContain(error?.code);
      }
    });
    expect(world.supervisorPid()).toBe(pid);
    const keep = ({ slot, pid: agentPid }: { slot: number; pid: number | null }) => [slot, agentPid];
    expect((await world.ps()).map(keep)).toEqual(before.map(keep));
  });
});

const ROUTES = Object.values(OPERATIONS).map(({ method, path, errors }) => ({
  pattern: new RegExp(`^${method} ${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/?]*')}(\\?|$)`),
  errors,
}));

/** The codes that a request may be refused with, by what its operation declares. */
function declaredErrors(line: string): string[] {
  const route = ROUTES.find(({ pattern }) => pattern.test(line));
  return [...(route?.errors ?? []), ...COMMON_ERRORS].map((code) => `FLEET_${code}`);
}

/** Sends one request. A path that HTTP itself cannot carry is escaped, as every client does. */
function ask(
  socketPath: string,
  line: string,
  body: Buffer | string,
): Promise<{ status: number; error?: ErrorDocument }> {
  const [method = 'GET', ...rest] = line.split(' ');
  const path = rest
    .join(' ')
    .replaceAll(/[^!-~]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  const content = method === 'POST' ? Buffer.from(body) : Buffer.alloc(0);
  const headers =
    method === 'POST' ? { 'content-type': 'application/json', 'content-length': content.length } : {};
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, agent: false, method, path: path.slice(0, PATH_MAX), headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
          // A follower's answer has no end.
          if (path.includes('follow=1') || path.includes('/watch')) asked.destroy();
        });
        answer.on('close', () => {
          const isError = answer.statusCode !== 200;
          resolve({
            status: answer.statusCode!,
            ...(isError && (JSON.parse(text) as { error: ErrorDocument })),
          });
        });
      },
    );
    asked.on('error', (error) => reject(error));
    asked.end(content);
  });
}
