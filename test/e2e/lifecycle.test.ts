import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRunning, until, World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const SLEEPERS = ['--name', 'web', '--parallel', '100', '--round-delay', '0', '--ready', 'after:10ms'];
const SLEEP = ['--', 'sleep', '1000'];

async function slots(): Promise<number[]> {
  return (await world.ps()).map((agent) => agent.slot);
}

test('brings up the target, and a second spawn starts nothing', async () => {
  await world.ok('spawn', '10', ...SLEEPERS, ...SLEEP);
  const before = await world.ps();
  expect(before.map((agent) => agent.state)).toEqual(Array(10).fill('ready'));
  await world.ok('spawn', '10');
  expect((await world.ps()).map((agent) => agent.pid)).toEqual(before.map((agent) => agent.pid));
});

test('fills the lowest holes first and gives up the highest slots first', async () => {
  await world.ok('spawn', '10', ...SLEEPERS, ...SLEEP);
  await world.ok('kill', '--slots', '3,5-6');
  expect(await slots()).toEqual([0, 1, 2, 4, 7, 8, 9]);
  await world.ok('kill', '2');
  expect(await slots()).toEqual([0, 1, 2, 4, 7]);
  await world.ok('spawn', '7');
  expect(await slots()).toEqual([0, 1, 2, 3, 4, 5, 7]);
  await world.ok('kill', '--all');
  expect(await slots()).toEqual([]);
  expect(world.processes()).toEqual([]);
});

test('finds every agent again after the supervisor was killed', async () => {
  await world.ok('spawn', '20', ...SLEEPERS, ...SLEEP);
  const before = await world.ps();
  await world.killSupervisor();
  expect(before.every((agent) => isRunning(agent.pid!))).toBe(true);
  await world.ok('spawn', '25');
  const after = await world.ps();
  expect(after).toHaveLength(25);
  expect(after.slice(0, 20).map((agent) => agent.pid)).toEqual(before.map((agent) => agent.pid));
  expect(world.processes()).toHaveLength(25);
});

test('notices the exit of an adopted agent and starts it again', async () => {
  await world.ok('spawn', '3', ...SLEEPERS, ...SLEEP);
  await world.killSupervisor();
  await world.ok('spawn', '3');
  const [first] = await world.ps();
  process.kill(first!.pid!, 'SIGKILL');
  await until(async () => {
    const agent = (await world.ps()).find((row) => row.slot === 0);
    return agent?.state === 'ready' && agent.pid !== first!.pid;
  });
  expect((await world.ps())[0]).toMatchObject({ restarts: 1, lastExit: { code: null, signal: null } });
});
