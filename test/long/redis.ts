import { createConnection, type NetConnectOpts } from 'node:net';
import { expect } from 'vitest';
import { isRunning, type World } from '../e2e/harness.ts';
import { expectOneProcessEach } from './crashes.ts';

const REDIS = [
  'redis-server',
  '--port',
  '{port}',
  '--unixsocket',
  '{socket}',
  '--dir',
  '{dir}',
  '--save',
  '',
  '--appendonly',
  'no',
  '--bind',
  '127.0.0.1',
];
const AT_ONCE = 64;

/** Asks a redis on its port or socket who it is: PING must be answered, and the directory tells which slot's it is. */
async function ask(where: NetConnectOpts): Promise<{ pong: boolean; dir: string }> {
  const socket = createConnection(where);
  let answer = '';
  socket.write('PING\r\nCONFIG GET dir\r\nQUIT\r\n');
  for await (const chunk of socket) answer += chunk;
  const lines = answer.split('\r\n');
  return { pong: lines[0] === '+PONG', dir: lines[5] ?? '' };
}

async function expectEachAnswers(world: World, count: number): Promise<void> {
  const agents = await world.ps();
  expect(agents).toHaveLength(count);
  for (const key of ['port', 'socket', 'dir', 'pid'] as const) {
    expect(new Set(agents.map((agent) => agent[key])).size, key).toBe(count);
  }
  for (let at = 0; at < count; at += AT_ONCE) {
    await Promise.all(
      agents.slice(at, at + AT_ONCE).flatMap(({ port, socket, dir }) =>
        [{ port: port!, host: '127.0.0.1' }, { path: socket }].map(async (where) => {
          expect(await ask(where), JSON.stringify(where)).toEqual({ pong: true, dir });
        }),
      ),
    );
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** The daily life of a fleet of `count` redis-servers, which must be a multiple of ten. */
export async function liveWithRedis(
  world: World,
  { count, portBase }: { count: number; portBase: number },
): Promise<void> {
  const tenth = count / 10;
  const slots = async () => (await world.ps()).map(({ slot }) => slot);
  await world.ok(
    'spawn',
    String(count),
    '--name',
    'redis',
    '--port-base',
    String(portBase),
    '--parallel',
    '50',
    '--round-delay',
    '0',
    '--',
    ...REDIS,
  );
  await expectEachAnswers(world, count);
  const before = await world.ps();
  expect(before.map(({ slot, port }) => port! - slot)).toEqual(Array(count).fill(portBase));

  const again = await Promise.all(Array.from({ length: 10 }, () => world.fleetctl('spawn', String(count))));
  expect(again.map(({ code }) => code)).toEqual(Array(10).fill(0));
  expect((await world.ps()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  await expectOneProcessEach(world, await world.ps());

  await world.ok('spawn', String(count + 2 * tenth));
  expect(await slots()).toEqual(range(0, count + 2 * tenth));
  await world.ok('spawn', String(count - 2 * tenth));
  expect(await slots()).toEqual(range(0, count - 2 * tenth));
  await world.ok('kill', String(tenth));
  expect(await slots()).toEqual(range(0, count - 3 * tenth));
  await world.ok('kill', '--slots', '3,5-9');
  const left = range(0, count - 3 * tenth).filter((slot) => slot !== 3 && (slot < 5 || slot > 9));
  expect(await slots()).toEqual(left);
  expect((await world.ps()).map(({ pid }) => pid)).toEqual(left.map((slot) => before[slot]!.pid));
  const gone = before.filter(({ slot }) => !left.includes(slot));
  expect(gone.filter(({ pid }) => isRunning(pid!))).toEqual([]);

  await world.killSupervisor();
  await world.ok('spawn', String(count));
  await expectEachAnswers(world, count);
  expect((await world.ps()).filter(({ slot }) => left.includes(slot)).map(({ pid }) => pid)).toEqual(
    left.map((slot) => before[slot]!.pid),
  );
  await expectOneProcessEach(world, await world.ps());
}
