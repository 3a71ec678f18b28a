import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { expectOneProcessEach, killSupervisorAgainAndAgain, randomOf } from '../long/crashes.ts';
import { until, World } from './harness.ts';

/** Much is done here, and a busy machine does it four times as slowly. */
const TIMEOUT_MS = 10 * 60_000;

let world: World;
afterEach(() => world.dispose());

const SPAWN = [
  'spawn',
  '30',
  '--name',
  'web',
  '--parallel',
  '10',
  '--round-delay',
  '20ms',
  '--ready',
  'after:10ms',
];

test(
  'keeps the count exact and the pids, whenever the supervisor is killed',
  async () => {
    world = new World();
    await world.ok(...SPAWN, '--', 'sleep', '1000');
    await killSupervisorAgainAndAgain(world, { seed: 1, times: 20, max: 40, windowMs: 900 });
  },
  TIMEOUT_MS,
);

/** Only root can become somebody else. */
test.runIf(process.getuid?.() === 0)(
  'does so without a cgroup tree too, as an ordinary user',
  async () => {
    world = new World({ HOME: '/' }, 65_534);
    await world.ok(...SPAWN, '--', 'sleep', '1000');
    expect((await world.events()).some(({ reason }) => reason.endsWith('containment by session'))).toBe(true);
    await killSupervisorAgainAndAgain(world, { seed: 4, times: 5, max: 40, windowMs: 900 });
  },
  TIMEOUT_MS,
);

test(
  'runs `prepare` of a slot to its end, one at a time, however often the supervisor is killed meanwhile',
  async () => {
    world = new World();
    // flock fails where another prepare of the slot still runs, and the agent where none has come to its end.
    const spec = {
      name: 'web',
      command: ['sh', '-c', '[ -e done ] && exec sleep 1000'],
      prepare: ['flock', '-n', '{dir}/lock', 'sh', '-c', 'sleep 0.2; echo >> {dir}/done'],
      ready: { after: '10ms' },
      rounds: { parallel: 5, delay: '0s' },
    };
    const file = world.write('fleet.json', JSON.stringify(spec));
    const spawning = world.fleetctl('spawn', '20', '-f', file);
    await until(async () => existsSync(world.stateDir) && (await world.isServed()));
    const random = randomOf(5);
    for (let i = 0; i < 5; i++) {
      await sleep(random() * 300);
      await world.killSupervisor();
      const again = world.fleetctl('spawn', '20', ...(i === 0 ? ['-f', file] : []));
      await until(() => world.supervisorPid() !== null);
      if (i === 4) expect((await again).code).toBe(0);
    }
    await spawning;
    await expectOneProcessEach(world, await world.ps());
    expect((await world.events()).filter(({ type }) => type === 'start-failed')).toEqual([]);
    const runs = (await world.ps()).map(({ dir }) => readFileSync(`${dir}/done`, 'utf8').length);
    expect(runs).toHaveLength(20);
    // More than once only where a kill came between its end and the note of that.
    expect(runs.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(20 + 5 * 5);
  },
  TIMEOUT_MS,
);

test('an exit that was noted, but had reached no event before the kill, is told by the next supervisor, once', async () => {
  world = new World();
  await world.ok('spawn', '2', '--name', 'web', '--ready', 'after:10ms', '--', 'sleep', '1000');
  await world.killSupervisor();
  const exit = { code: 3, signal: null, reason: 'exited with 3', at: new Date().toISOString() };
  const db = new DatabaseSync(join(world.runtimeDir, 'run.db'));
  db.prepare('UPDATE runs SET last_exit = ? WHERE slot = 1').run(JSON.stringify(exit));
  db.close();
  for (let supervisor = 0; supervisor < 2; supervisor++) {
    await world.ok('spawn');
    const told = (await world.events()).filter(({ type }) => type === 'exit');
    expect(told.map(({ slots, reason }) => [slots, reason])).toEqual([['1', exit.reason]]);
    await world.killSupervisor();
  }
});
