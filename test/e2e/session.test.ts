import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listPids } from '../../src/host/proc/pid.ts';
import { readStat } from '../../src/host/proc/stat.ts';
import { isRunning, until, World } from './harness.ts';

/** A user with nothing: no home, no group, no cgroup that it could write to. */
const UID = 65_534;
const PACKAGE = new URL('../..', import.meta.url).pathname;

/** Why these tests cannot run here; null where they can. */
const OBSTACLE = (() => {
  if (process.getuid!() !== 0) return 'only root can become another user';
  try {
    execFileSync('setpriv', [
      `--reuid=${UID}`,
      `--regid=${UID}`,
      '--clear-groups',
      `${PACKAGE}bin/fleetctl`,
      '--version',
    ]);
  } catch {
    return `uid ${UID} cannot run ${PACKAGE}bin/fleetctl`;
  }
  accessSync('/usr/bin/setsid', constants.X_OK);
  return null;
})();

const TITLE = `an ordinary user without cgroups${OBSTACLE ? ` (${OBSTACLE})` : ''}`;
describe.skipIf(OBSTACLE !== null)(TITLE, () => {
  let world: World;
  beforeEach(() => {
    world = new World({ HOME: '/nonexistent' }, UID);
    chmodSync(world.root, 0o700);
  });
  afterEach(() => world.dispose());

  const OPTIONS = ['--name', 'web', '--parallel', '100', '--round-delay', '0', '--ready', 'after:10ms'];
  const SLEEP = ['--', 'sleep', '100000'];
  /** An agent with two forks, one of them a fork of a fork. Tests kill many at once, which is no storm here. */
  const FORKING = `name: web
command: [sh, -c, "sleep 100000 & (sleep 100000 &) ; exec sleep 100000"]
ready: { after: 10ms }
rounds: { parallel: 100, delay: 0s }
restart: { backoff: { min: 1ms, max: 10ms }, storm: off }
`;
  const spawnForking = (count: number) =>
    world.ok('spawn', String(count), '-f', world.write('fleet.yaml', FORKING));

  const pidsOf = async () => (await world.ps()).map(({ pid }) => pid!);
  /** All that lives in a session of one of these agents. */
  const inSessions = (pids: readonly number[]) =>
    listPids().filter((pid) => pids.includes(readStat(pid)?.session ?? 0) && isRunning(pid));

  test('has all it starts as itself, contained by session', async () => {
    await world.ok('spawn', '3', ...OPTIONS, ...SLEEP);
    const { reason } = (await world.events()).find(({ type }) => type === 'supervisor')!;
    expect(reason).toMatch('containment by session');
    for (const pid of [...(await pidsOf()), world.supervisorPid()!]) {
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    }
    expect(world.processes()).toHaveLength(3);
  });

  test('finds every agent again after the supervisor was killed, and none is started twice', async () => {
    await world.ok('spawn', '20', ...OPTIONS, ...SLEEP);
    const before = await pidsOf();
    await world.killSupervisor();
    expect(before.every(isRunning)).toBe(true);
    await world.ok('spawn', '25');
    const after = await pidsOf();
    expect(after.slice(0, 20)).toEqual(before);
    expect(new Set(after).size).toBe(25);
    expect(world.processes().sort()).toEqual([...after].sort());
  });

  test('finds agents again whose output is nowhere', async () => {
    const spec = world.write(
      'fleet.yaml',
      'name: web\ncommand: [sleep, "100000"]\nready: { after: 1ms }\nrounds: { delay: 0s }\nlogs: { to: "null" }\n',
    );
    await world.ok('spawn', '5', '-f', spec);
    const before = await pidsOf();
    await world.killSupervisor();
    await world.ok('spawn', '5');
    expect(await pidsOf()).toEqual(before);
    await world.ok('kill', '--all');
    expect(before.filter(isRunning)).toEqual([]);
  });

  test('notices the exit of an adopted agent', async () => {
    await world.ok('spawn', '2', ...OPTIONS, ...SLEEP);
    await world.killSupervisor();
    await world.ok('spawn', '2');
    const [first, second] = await pidsOf();
    process.kill(first!, 'SIGKILL');
    await until(async () => {
      const [agent] = await world.ps();
      return agent!.state === 'ready' && agent!.pid !== first;
    });
    expect((await pidsOf())[1]).toBe(second);
  });

  test('what an agent forked ends with it, also when many end at once', async () => {
    await spawnForking(20);
    const before = await pidsOf();
    await until(() => inSessions(before).length === 60);
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await until(async () => {
      const agents = await world.ps();
      return (
        agents.length === 20 && agents.every(({ state, pid }) => state === 'ready' && !before.includes(pid!))
      );
    });
    expect(inSessions(before)).toEqual([]);
    const after = await pidsOf();
    await until(() => inSessions(after).length === 60);
    expect(world.processes()).toHaveLength(60);
    await world.ok('kill', '--all');
    expect(inSessions(after)).toEqual([]);
    expect(world.processes()).toEqual([]);
  });

  test('what an agent forked ends with it, also under the next supervisor', async () => {
    await spawnForking(5);
    const before = await pidsOf();
    await until(() => inSessions(before).length === 15);
    await world.killSupervisor();
    await world.ok('spawn', '5');
    expect(await pidsOf()).toEqual(before);
    await world.ok('kill', '--all');
    expect(inSessions(before)).toEqual([]);
    expect(world.processes()).toEqual([]);
  });

  test('what an agent forked that ended while no supervisor was there does not stay', async () => {
    await spawnForking(3);
    const before = await pidsOf();
    await until(() => inSessions(before).length === 9);
    await world.killSupervisor();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await until(() => !before.some(isRunning));
    await world.ok('spawn', '3');
    await until(() => inSessions(before).length === 0, 10_000, 'the forks of ended agents are ended');
    expect(new Set([...(await pidsOf()), ...before]).size).toBe(6);
  });

  test('kill --all leaves nothing, not even a file in the runtime directory', async () => {
    await world.ok('spawn', '10', ...OPTIONS, ...SLEEP);
    const [agent] = await world.ps();
    await world.killSupervisor();
    await world.ok('spawn', '10');
    await world.ok('kill', '--all');
    expect(await world.ps()).toEqual([]);
    expect(world.processes()).toEqual([]);
    expect(existsSync(dirname(dirname(agent!.socket)))).toBe(false);
  });

  test('a stranger who stands in a slot’s directory, or writes to its log, is left alone', async () => {
    await world.ok('spawn', '1', ...OPTIONS, ...SLEEP);
    const [agent] = await world.ps();
    const log = readlinkSync(`/proc/${agent!.pid}/fd/1`);
    const started = execFileSync(
      'sh',
      [
        '-c',
        `cd ${agent!.dir}; setsid sleep 100000 >/dev/null 2>&1 & echo $!; sleep 100000 </dev/null >>${log} 2>/dev/null & echo $!`,
      ],
      { encoding: 'utf8' },
    );
    const strangers = started.trim().split('\n').map(Number);
    try {
      await world.killSupervisor();
      await world.ok('spawn', '1');
      expect(await pidsOf()).toEqual([agent!.pid]);
      await world.ok('kill', '--all');
      expect(strangers.map(isRunning)).toEqual([true, true]);
    } finally {
      for (const pid of strangers) process.kill(pid, 'SIGKILL');
    }
  });

  test('cannot run agents as somebody else, and says so before anything starts', async () => {
    const spec = world.write('fleet.yaml', 'name: web\ncommand: [sleep, "1"]\nuser: daemon\n');
    const refused = await world.fleetctl('spawn', '1', '-f', spec);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('only root') });
    expect(readdirSync(world.stateDir)).not.toContain('logs/web');
  });
});
