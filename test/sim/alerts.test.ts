import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { decideHold } from '../../src/fleet/decide/hold.ts';
import { ofFleet, toTarget } from './expected.ts';
import { FakeSockets } from './fake-sockets.ts';
import { resume } from './moves.ts';
import { SimulatedHost } from './world.ts';

const directory = mkdtempSync(`${tmpdir()}/fleet-sim-`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SPEC = {
  name: 'f',
  command: ['/bin/sleep', '1'],
  logs: { to: 'null' },
  alerts: { http: 'http://127.0.0.1/alerts' },
};
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

let world: SimulatedHost;
/** What the receiver took, and what it was asked to take. */
let taken: string[];
let attempts: number;
let isAway: boolean;
beforeEach(async () => {
  [taken, attempts, isAway] = [[], 0, false];
  vi.spyOn(FakeSockets.prototype, 'postJson').mockImplementation(async (_url, json) => {
    attempts++;
    if (isAway) throw new Error('ECONNREFUSED');
    const { condition, state } = JSON.parse(json) as { condition: string; state: string };
    taken.push(`${condition} ${state}`);
  });
  world = new SimulatedHost(1, directory, 100, null);
  world.faults.calm();
  world.time.install();
  world.begin();
  const call = () => world.life!.commands.spawn('f', { spec: SPEC, target: 2, baseDir: '/', force: true });
  world.command('spawn 2', call, ofFleet('f', toTarget(2)));
  await world.advance(MINUTE_MS);
});
afterEach(() => {
  world.bury();
  world.time.restore();
  vi.restoreAllMocks();
});

async function hold(ms: number): Promise<void> {
  const call = () => world.life!.commands.change('f', decideHold);
  world.command(
    'hold',
    call,
    ofFleet('f', () => ({ isHeld: true })),
  );
  await world.advance(ms);
}

async function letGo(ms: number): Promise<void> {
  resume(world, 'f');
  await world.advance(ms);
}

const alertEvents = () =>
  world
    .life!.supervisor.journal.read('f', 0, 1_000)
    .filter(({ type }) => type === 'alert')
    .map(({ reason }) => reason);

test('a receiver that is away for ever is asked five times for each notice, and one event says so', async () => {
  isAway = true;
  await hold(10 * MINUTE_MS);
  expect(attempts).toBe(5);
  await letGo(10 * MINUTE_MS);
  expect(attempts).toBe(10);
  expect(alertEvents()).toEqual([
    expect.stringMatching(/^given up after 5 attempts: held, begin: ECONNREFUSED; /),
  ]);
  isAway = false;
  await hold(5 * SECOND_MS);
  await letGo(5 * SECOND_MS);
  expect(taken).toEqual(['held begin', 'held end']);
});

test('a receiver that comes back gets what waited, in order', async () => {
  isAway = true;
  await hold(5 * SECOND_MS);
  await letGo(5 * SECOND_MS);
  isAway = false;
  await world.advance(MINUTE_MS);
  expect(taken).toEqual(['held begin', 'held end']);
});

test('neither a new supervisor nor a reboot repeats a begin or forgets an end', async () => {
  await hold(5 * SECOND_MS);
  world.bury();
  world.begin();
  await world.advance(MINUTE_MS);
  expect(taken).toEqual(['held begin']);
  world.bury();
  world.kernel.reboot();
  world.begin();
  await world.advance(5 * SECOND_MS);
  isAway = true;
  await letGo(5 * SECOND_MS);
  world.bury();
  world.kernel.reboot();
  isAway = false;
  world.begin();
  await world.advance(MINUTE_MS);
  expect(taken.filter((each) => each.startsWith('held'))).toEqual(['held begin', 'held end']);
});

test('a full disk does not silence alerts', async () => {
  world.gate.isDiskFull = true;
  world.life!.supervisor.fleets.get('f')!.fleet.pressure = { reason: 'memory is short', since: 0 };
  await world.advance(5 * SECOND_MS);
  expect(taken).toEqual(['pressure begin']);
});
