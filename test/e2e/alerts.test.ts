import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

interface Told {
  fleet: string;
  condition: string;
  state: 'begin' | 'end';
  reason: string;
  sample: string | null;
  at: string;
}

/** fleetd looks once a second. */
const SOME_LOOKS_MS = 2_500;
const SLEEPERS = {
  name: 'web',
  command: ['sleep', '100000'],
  ready: { after: '1ms', timeout: '3s' },
  rounds: { delay: '0s' },
  restart: { backoff: { min: '100ms', max: '200ms' } },
};

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const write = (spec: object) => world.write('fleet.json', JSON.stringify({ ...SLEEPERS, ...spec }));
const words = (told: readonly Told[]) => told.map(({ condition, state }) => `${condition} ${state}`);

describe('a command', () => {
  const told = (): Told[] =>
    existsSync(`${world.root}/told`)
      ? readFileSync(`${world.root}/told`, 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Told)
      : [];
  const alerts = { exec: ['./page', 'me'] };
  beforeEach(() => {
    const script = '#!/bin/sh\n[ "$1" = me ] && printf "%s\\n" "$FLEET_ALERT" >> told\n';
    chmodSync(world.write('page', script), 0o755);
  });

  test('is told of a hold and of its end, once each, also across kill -9 of the supervisor', async () => {
    await world.ok('spawn', '2', '-f', write({ alerts }));
    await world.ok('hold');
    await until(() => told().length === 1);
    await until(async () => (await world.events()).some(({ type }) => type === 'alert'));
    await world.killSupervisor();
    await world.ok('spawn', '2');
    await world.ok('resume');
    await until(() => told().length === 2);
    expect(told()).toEqual([
      {
        fleet: 'web',
        condition: 'held',
        state: 'begin',
        reason: 'held by fleetctl hold',
        sample: null,
        at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      expect.objectContaining({ condition: 'held', state: 'end', reason: 'the fleet is no longer held' }),
    ]);
  });

  test('is told that a condition has ended while no supervisor ran, and that the fleet was removed', async () => {
    const flag = `${world.root}/works`;
    const script = `test -e ${flag} && exec sleep 100000; echo no configuration; exit 3`;
    const spec = { command: ['sh', '-c', script], alerts };
    const storm = { ...SLEEPERS.restart, storm: 'off' };
    await world.fleetctl('spawn', '1', '-f', write({ ...spec, restart: storm }));
    await until(() => told().length === 1);
    expect(told()[0]).toMatchObject({ condition: 'degraded', state: 'begin' });
    expect(told()[0]!.reason).toBe('0 of 1 ready (1 in a crash loop)');
    expect(told()[0]!.sample).toContain('no configuration');
    await until(async () => (await world.events()).some(({ type }) => type === 'alert'));
    await world.killSupervisor();
    world.write('works', '');
    await world.ok('spawn', '1');
    await until(() => told().length === 2);
    expect(told()[1]).toMatchObject({ condition: 'degraded', state: 'end', reason: '1 of 1 ready' });
    await world.ok('hold');
    await until(() => told().length === 3);
    await world.ok('kill', '--all');
    await world.ok('remove');
    await until(() => told().length === 4);
    expect(told()[3]).toMatchObject({ condition: 'held', state: 'end', reason: 'the fleet was removed' });
  });

  test('is told of a rollout that failed, and that another has taken its place', async () => {
    await world.ok('spawn', '2', '-f', write({ alerts, update: { wait: '0s' } }));
    const bad = write({
      alerts,
      update: { wait: '0s', maxFailed: 0 },
      command: ['sh', '-c', 'echo bad; exit 1'],
    });
    expect((await world.fleetctl('rolling-update', '-f', bad)).code).toBe(4);
    await until(() => words(told()).includes('rolled back begin'));
    const begin = told().find(({ condition }) => condition === 'rolled back')!;
    expect(begin.reason).toMatch(/^release [0-9a-f]{12} goes back to [0-9a-f]{12}: /);
    expect(begin.sample).toBe('bad');
    await world.ok('rolling-update', '-f', write({ alerts, update: { wait: '0s' }, env: { V: '2' } }));
    await until(() => words(told()).includes('rolled back end'));
  });

  test('is told what ends during maintenance, and what begins only afterwards', async () => {
    await world.ok('spawn', '1', '-f', write({ alerts }));
    await world.ok('hold');
    await until(() => told().length === 1);
    await world.ok('maintenance', 'on');
    await world.ok('resume');
    await until(() => told().length === 2);
    await world.ok('hold');
    await sleep(SOME_LOOKS_MS);
    expect(words(told())).toEqual(['held begin', 'held end']);
    await world.ok('maintenance', 'off');
    await until(() => told().length === 3);
    expect(words(told())).toEqual(['held begin', 'held end', 'held begin']);
  });

  test('that does not exist is refused before anything starts', async () => {
    const { code, stderr } = await world.fleetctl(
      'spawn',
      '1',
      '-f',
      write({ alerts: { exec: ['./pager'] } }),
    );
    expect(code).toBe(2);
    expect(stderr).toContain('alerts.exec[0]');
    expect((await world.status()).fleets).toEqual([]);
  });
});

describe('a URL', () => {
  let server: Server;
  let answers: number[];
  let told: Told[];
  beforeEach(async () => {
    answers = [];
    told = [];
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const status = answers.shift() ?? 200;
      if (status === 200) told.push(JSON.parse(text) as Told);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('that refuses is asked again later, and gets all in order; metrics count the attempts', async () => {
    answers = [503];
    const { port } = server.address() as AddressInfo;
    await world.ok('spawn', '1', '-f', write({ alerts: { http: `http://127.0.0.1:${port}/alerts` } }));
    await world.ok('hold');
    await until(async () => (await metrics()).includes('result="failed"} 1'));
    expect(await metrics()).toContain('fleetd_alert{fleet="web",condition="held"} 1');
    await world.ok('resume');
    await until(() => told.length === 2);
    expect(words(told)).toEqual(['held begin', 'held end']);
    await until(async () => (await metrics()).includes('fleetd_alert_notices_unsent{fleet="web"} 0'));
    expect(await metrics()).toContain('fleetd_alert_attempts_total{fleet="web",result="sent"} 2');
    expect(await metrics()).toContain('fleetd_alert{fleet="web",condition="held"} 0');
  });

  const metrics = async () => (await world.ok('metrics')).stdout;
});
