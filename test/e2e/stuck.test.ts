import { spawn } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Heartbeat } from '../../src/supervisor/silence.ts';
import { isRunning, until, World } from './harness.ts';

const TIMEOUT_MS = 180_000;
const LONG_AGO_MS = 10 * 60_000;

let world: World;
/** A supervisor that is stopped, if the test has one. */
let stopped: number | null;
beforeEach(async () => {
  world = new World();
  stopped = null;
  await world.ok('spawn', '2', '--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000');
});
afterEach(async () => {
  if (stopped !== null && isRunning(stopped)) process.kill(stopped, 'SIGCONT');
  await world.dispose();
});

const heartbeatPath = () => join(world.runtimeDir, 'heartbeat');

/** A supervisor of which no thread runs any more, as one that hangs in the kernel looks from outside. */
function stop(): number {
  stopped = world.supervisorPid()!;
  process.kill(stopped, 'SIGSTOP');
  return stopped;
}

/** Makes the heartbeat of a stopped supervisor an old one, instead of waiting. */
function age(change: Partial<Heartbeat> = {}): void {
  const heartbeat = JSON.parse(readFileSync(heartbeatPath(), 'utf8')) as Heartbeat;
  writeFileSync(
    heartbeatPath(),
    JSON.stringify({ ...heartbeat, atMs: heartbeat.atMs - LONG_AGO_MS, ...change }),
  );
}

const pids = async () => (await world.ps()).map(({ pid }) => pid);

test('a supervisor that is stuck is replaced, and its agents are found as they were', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = await pids();
  const pid = stop();
  age();
  const { code, stdout } = await world.fleetctl('watchdog');
  expect(stdout).toMatch(
    new RegExp(
      `^ok: the supervisor was stuck \\(pid ${pid} did not answer, and its heartbeat is \\d+ s old \\(supervising\\)\\) ` +
        `and has been replaced, pid ${world.supervisorPid()}; web 2 of 2 ready\n$`,
    ),
  );
  expect(code).toBe(0);
  expect(isRunning(pid)).toBe(false);
  expect(await pids()).toEqual(before);
});

test.each<[string, () => void, RegExp]>([
  ['has beaten a moment ago', () => {}, /may be working: its heartbeat is \d+ s old/],
  ['has no heartbeat', () => rmSync(heartbeatPath()), /has no heartbeat, so it may not be a supervisor/],
  ['has another start than the heartbeat says', () => age({ startTicks: 1 }), /has no heartbeat/],
])(
  'one that %s is told, and nothing is signalled',
  { timeout: TIMEOUT_MS },
  async (_what, prepare, words) => {
    const pid = stop();
    prepare();
    const { code, stdout } = await world.fleetctl('watchdog');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^down: .*does not answer/);
    expect(stdout).toMatch(words);
    expect(isRunning(pid)).toBe(true);
  },
);

test('a stranger that holds the lock is never signalled', { timeout: TIMEOUT_MS }, async () => {
  const lock = join(world.stateDir, 'fleetd.lock');
  const former = world.supervisorPid()!;
  await world.killSupervisor();
  const stranger = spawn('flock', ['-x', lock, 'sleep', '1000'], { stdio: 'ignore', detached: true });
  try {
    await until(() => readFileSync('/proc/locks', 'utf8').includes(` ${stranger.pid} `));
    // The file still names the supervisor, and the heartbeat is its last one, however old.
    age({ pid: stranger.pid! });
    renameSync(join(world.runtimeDir, 'fleetd.sock'), join(world.runtimeDir, 'gone.sock'));
    const { code, stdout } = await world.fleetctl('watchdog');
    expect({ code, stdout }).toMatchObject({
      code: 3,
      stdout: expect.stringContaining(`pid ${stranger.pid}`),
    });
    expect(isRunning(stranger.pid!)).toBe(true);
    expect(Number(readFileSync(lock, 'utf8'))).toBe(former);
  } finally {
    process.kill(-stranger.pid!, 'SIGKILL');
  }
});
