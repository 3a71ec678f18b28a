import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, copyFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ParametersOf, urlOf } from '../../src/api/call.ts';
import { COMMON_ERRORS, type Operation } from '../../src/api/operation.ts';
import { type Named, OPERATIONS, type OperationName } from '../../src/api/operations.ts';
import type { ErrorDocument } from '../../src/errors/fleet-error.ts';
import { checkerOf, type OpenApi, operationOf } from '../api/schemas.ts';
import { until, World } from './harness.ts';

const WEB = { fleet: 'web' };
const AGENTS = 3;

let world: World;
let document: OpenApi;
let stray: ChildProcess;

/** A fleet with a past: an exit, a rollout, a leak judgement, and a process that looks like one of its agents. */
beforeAll(async () => {
  world = new World();
  copyFileSync('/bin/sleep', join(world.root, 'agent'));
  const spec = {
    name: 'web',
    command: ['./agent', '100000'],
    ready: { after: '10ms' },
    ports: { base: 27_400 },
    rounds: { parallel: 10, delay: '0s', adaptive: true },
    restart: { backoff: { min: '10ms' } },
    resources: { memory: { request: '1M', limit: '64M' } },
    leak: { every: '1s' },
    pressure: { available: '1%' },
    verify: { http: 'http://127.0.0.1:1/', field: 'online' },
    update: { wait: '100ms' },
  };
  await world.ok('spawn', String(AGENTS), '-f', world.write('fleet.json', JSON.stringify(spec)));
  process.kill((await world.ps())[0]!.pid!, 'SIGKILL');
  await until(async () =>
    (await world.ps()).every(({ state, slot, restarts }) => state === 'ready' && (slot > 0 || restarts > 0)),
  );
  await world.ok(
    'rolling-update',
    '--label',
    'two',
    '-f',
    world.write('fleet.json', JSON.stringify({ ...spec, env: { A: 'b' } })),
  );
  // Its agents are silent; what is appended to a log is what one would write.
  appendFileSync(join(world.stateDir, 'logs/web/0.log'), 'a line\n');
  stray = spawn('./agent', ['100000'], { cwd: world.root, env: world.env, stdio: 'ignore' });
  document = JSON.parse((await ask('GET', '/v1/openapi.json')).text) as OpenApi;
});
afterAll(async () => {
  stray.kill('SIGKILL');
  await world.dispose();
});

interface Answer {
  status: number;
  type: string;
  text: string;
}

function ask(method: string, path: string, body?: object): Promise<Answer> {
  const content = body && JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        socketPath: join(world.runtimeDir, 'fleetd.sock'),
        method,
        path,
        agent: false,
        headers: content ? { 'content-type': 'application/json' } : {},
      },
      async (answer) => {
        let text = '';
        for await (const chunk of answer.setEncoding('utf8')) text += chunk;
        resolve({ status: answer.statusCode!, type: answer.headers['content-type'] ?? '', text });
      },
    );
    asked.on('error', reject).end(content);
  });
}

/** Asks for an operation, and expects of the answer that it is as described, with no key that is not. */
async function called<N extends OperationName>(
  name: N,
  parameters: Partial<ParametersOf<N>> = {},
  body?: object,
): Promise<unknown> {
  const { method, answer }: Operation = OPERATIONS[name];
  const { status, type, text } = await ask(method, urlOf(name, parameters), body);
  expect({ name, status, text: status === 200 ? '' : text }).toEqual({ name, status: 200, text: '' });
  const [mediaType, { schema }] = Object.entries(operationOf(document, name).responses[200]!.content)[0]!;
  expect(type.split(';')[0]).toBe(mediaType);
  if (answer.as === 'bytes') return text;
  const documents = answer.as === 'json' ? [text] : text.split('\n').filter(Boolean);
  expect(documents.length).toBeGreaterThan(0);
  const check = checkerOf(document, true)(schema!);
  for (const each of documents) {
    check(JSON.parse(each));
    expect({ name, errors: check.errors, in: check.errors && each }).toEqual({
      name,
      errors: null,
      in: null,
    });
  }
  return JSON.parse(documents.at(-1)!);
}

/** Every operation that reads, with all that it can be asked for and that has an end. */
type Reads = { [N in OperationName as Named<N>['method'] extends 'GET' ? N : never]: ParametersOf<N> };
const READS: Reads = {
  status: {},
  fleets: {},
  fleet: WEB,
  watch: { ...WEB, goal: { kind: 'ready', target: AGENTS } },
  rollout: WEB,
  agents: { ...WEB, usage: true },
  log: { ...WEB, slot: 0, lines: 10 },
  logs: { ...WEB, slots: '0-9', lines: 10, lastMs: 3_600_000 },
  memory: { ...WEB, top: 2, pss: 'all' },
  samples: { ...WEB, since: Date.parse('2026-01-01') },
  releases: WEB,
  events: { after: 0, limit: 1000 },
  strays: WEB,
  watchdog: WEB,
  metrics: { agents: true },
  openapi: {},
};

describe('what is answered is what is described', () => {
  test.each(Object.keys(READS) as (keyof Reads)[])('%s', async (name) => {
    await called(name, READS[name] as never);
  });

  test('a stray is listed, and so are the releases, the rollout and the exit', async () => {
    await until(async () => ((await called('strays', WEB)) as { strays: object[] }).strays.length === 1);
    expect(await called('rollout', WEB)).toMatchObject({ state: 'done', verdicts: expect.any(Array) });
    expect(await called('releases', WEB)).toMatchObject({ releases: [{ label: 'two' }, { label: null }] });
    const { agents } = (await called('agents', WEB)) as { agents: { lastExit: object | null }[] };
    expect(agents[0]!.lastExit).toMatchObject({ signal: expect.any(String) });
  });

  test('so it is where there is no rollout yet, and while one is under way, held, and in maintenance', async () => {
    await world.ok('spawn', '1', '--name', 'new', '--ready', 'after:10ms', '--', 'sleep', '100000');
    expect(await called('rollout', { fleet: 'new' })).toBeNull();
    const options = { waitMs: 600_000, batch: { count: 1 }, maxFailed: { percent: 5 } };
    const spec = { name: 'new', command: ['sleep', '200000'], ready: { after: '10ms' } };
    const { goal } = (await called('rollingUpdate', { fleet: 'new' }, { spec, baseDir: '/', options })) as {
      goal: { id: number };
    };
    expect(await called('rollout', { fleet: 'new' })).toMatchObject({ id: goal.id, state: 'running' });
    await called('actOnRollout', { fleet: 'new' }, { action: 'pause' });
    expect(await called('status')).toMatchObject({ fleets: [{}, { rollout: { state: 'paused' } }] });
    await called('hold', { fleet: 'new' });
    await called('setMaintenance', {}, { on: true, forMs: 60_000 });
    expect(await called('watchdog')).toMatchObject({ verdict: 'maintenance' });
    expect(await called('status')).toMatchObject({ maintenance: { until: expect.any(String) } });
    await called('watch', { fleet: 'new', goal: { kind: 'rollout', id: goal.id, wants: 'done' } });
    await called('setMaintenance', {}, { on: false });
    await called('resume', { fleet: 'new' });
    await called('rollBack', { fleet: 'new' }, {});
    await called('kill', { fleet: 'new' }, { all: true });
    await called('watch', { fleet: 'new', goal: { kind: 'gone', slots: '0' } });
    await called('remove', { fleet: 'new', purge: true });
  });

  test('and so do the other commands', async () => {
    await called('spawn', WEB, { target: AGENTS + 1 });
    await called('watch', { ...WEB, goal: { kind: 'ready', target: AGENTS + 1 } });
    await called('restart', WEB, { slots: '0' });
    expect(await called('actOnStrays', WEB, { action: 'kill' })).toMatchObject({
      strays: [{ result: 'stopping' }],
    });
    await called('serveMetrics', {}, { port: null });
    await called('serveDashboard', {}, { port: null });
  });
});

describe('an error is as described, with a code that its operation declares', () => {
  const ofFleets = (Object.entries(OPERATIONS) as [OperationName, Operation][]).filter(([, { path }]) =>
    path.includes('{fleet}'),
  );
  test.each(ofFleets)('%s of a fleet that nobody knows', async (name, { method, errors, body }) => {
    const parameters = { ...READS[name as keyof Reads], fleet: 'none' };
    const request = {
      kill: { all: true },
      signal: { signal: 'HUP' },
      actOnRollout: { action: 'pause' },
      actOnStrays: { action: 'kill' },
    };
    const sent = body && (request[name as keyof typeof request] ?? {});
    const { status, text } = await ask(method, urlOf(name, parameters), sent);
    const { error } = JSON.parse(text) as { error: ErrorDocument };
    expect({ status, code: error.code }).toEqual({ status: 400, code: 'FLEET_UNKNOWN' });
    expect([...errors, ...COMMON_ERRORS]).toContain('UNKNOWN');
    const { schema } = operationOf(document, name).responses[400]!.content['application/json']!;
    const check = checkerOf(document, true)(schema!);
    check(JSON.parse(text));
    expect(check.errors).toBeNull();
  });
});
