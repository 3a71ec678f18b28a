import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fill } from '../chaos/faults/disk-full.ts';
import { Injecting } from '../chaos/inject/strace.ts';
import { NOT_ROOT } from '../host/processes.ts';
import { NO_STRACE } from '../scaling/strace.ts';
import { isRunning, until, World } from './harness.ts';

const FLEETD = new URL('../../bin/fleetd', import.meta.url).pathname;
const SLEEPERS = ['--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000'];
/** Where the log's last byte would need another page: two bytes fit, and then there is no space. */
const LOG_BYTES = 8_190;
/** A delay that no test waits for, in microseconds: what is held up so long hangs. */
const FOR_EVER = 3_600_000_000;
const TIMEOUT_MS = 120_000;
/** Ten commands for each of these under strace take their time. */
const [ERRORS, CALLS] = process.env.FLEET_TEST_LONG
  ? [
      ['EIO', 'ENOSPC', 'EROFS'],
      [['fsync', 'fdatasync'], ['rename', 'renameat', 'mkdir'], ['pwrite64', 'ftruncate'], ['openat']],
    ]
  : [['EIO', 'ENOSPC'], [['fsync', 'fdatasync']]];

let world: World;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await world.dispose();
});

const inject = async (pid: number, calls: string[], action: string, path: string | null = null) => {
  const injecting = await Injecting.begin(pid, { calls, action, path });
  cleanups.push(() => injecting.end());
  return injecting;
};

test.skipIf(NOT_ROOT)(
  'a disk that is full to the last byte of the log stops nothing and nobody',
  async () => {
    mkdirSync(world.stateDir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=711', 'tmpfs', world.stateDir]);
    cleanups.push(() => execFileSync('umount', ['-l', world.stateDir]));
    await world.ok('spawn', '2', ...SLEEPERS);
    const pid = world.supervisorPid();
    truncateSync(join(world.stateDir, 'fleetd.log'), LOG_BYTES);
    fill(join(world.stateDir, 'filler'));
    const refused = await world.fleetctl('kill', '1');
    expect(refused).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/^FLEET_LIMIT_REACHED: .*no space/),
    });
    expect((await world.fleet()).target).toBe(2);
    rmSync(join(world.stateDir, 'filler'));
    await world.ok('kill', '1');
    expect(world.supervisorPid()).toBe(pid);
  },
);

test.skipIf(NOT_ROOT)(
  'a runtime directory without a free byte, which any agent can bring about, costs no agent its life',
  async () => {
    mkdirSync(world.runtimeDir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=711', 'tmpfs', world.runtimeDir]);
    cleanups.push(() => execFileSync('umount', ['-l', world.runtimeDir]));
    await world.ok('spawn', '3', ...SLEEPERS);
    fill(join(world.runtimeDir, 'filler'));
    await world.ok('restart');
    const before = await world.ps();
    await world.killSupervisor();
    await world.fleetctl('watchdog');
    await until(async () => (await world.fleet()).ready === 3);
    expect((await world.ps()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  },
);

describe.skipIf(NO_STRACE !== null)(
  `under strace${NO_STRACE ? ` (${NO_STRACE})` : ''}`,
  { timeout: TIMEOUT_MS },
  () => {
    test.each(ERRORS)('every command names a disk that answers %s', async (error) => {
      copyFileSync('/bin/sleep', join(world.root, 'agent'));
      const spec = (target: number) =>
        world.write(
          'fleet.json',
          JSON.stringify({
            name: 'web',
            command: ['./agent', '100000'],
            binary: './agent',
            target,
            ready: { after: '1ms' },
            env: { A: String(target) },
          }),
        );
      await world.ok('spawn', '-f', spec(2));
      const pid = world.supervisorPid()!;
      for (const calls of CALLS) {
        const injecting = await inject(pid, calls, `error=${error}`);
        const commands = [
          ['rolling-update', '-f', spec(2), '--timeout', '1s'],
          ['rolling-update', '-f', spec(3), '--timeout', '1s'],
          ['kill', '1', '--timeout', '1s'],
          ['hold'],
          ['resume'],
          ['maintenance', 'on'],
          ['metrics', '--port', '23921'],
          ['dashboard'],
          ['logs', '0'],
          ['remove', '--purge'],
        ];
        const said = [];
        for (const words of commands) said.push(await world.fleetctl(...words));
        await injecting.end();
        expect(said.map(({ stderr }) => stderr).join('\n'), calls.join()).not.toMatch(
          /FLEET_INTERNAL|REQUEST_INVALID/,
        );
      }
      // It may have ended for want of anything to work with; whoever is there answers.
      await until(async () => (await world.fleetctl('watchdog')).code !== 3);
    });

    /**
     * Waits until a process whose first thread hangs was killed: all others are gone. strace holds the one that it delays
     * beyond SIGKILL, as no disk does, so that it has to let go before the end can be seen.
     */
    const untilKilled = async (pid: number, injecting: Injecting) => {
      await until(() => readdirSync(`/proc/${pid}/task`).length === 1);
      await injecting.end();
      await until(() => !isRunning(pid));
    };

    test('a defect ends a supervisor whose log hangs', async () => {
      const defect = 'process.on("SIGUSR2", () => Promise.reject(new Error("a defect of the test")))';
      const env = { ...world.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURI(defect)}` };
      const child = spawn(FLEETD, { env, stdio: 'ignore' });
      const ended = once(child, 'exit');
      await until(() => world.isServed());
      const pid = child.pid!;
      const log = join(world.stateDir, 'fleetd.log');
      const injecting = await inject(pid, ['write', 'writev'], `delay_enter=${FOR_EVER}`, log);
      child.kill('SIGUSR2');
      await untilKilled(pid, injecting);
      expect(await ended).toEqual([null, 'SIGKILL']);
      await world.ok('watchdog');
    });

    test('an end that was asked for comes, also where the disk hangs', async () => {
      await world.ok('spawn', '1', ...SLEEPERS);
      const agents = (await world.ps()).map((agent) => agent.pid);
      const pid = world.supervisorPid()!;
      const injecting = await inject(pid, ['unlink', 'unlinkat', 'rmdir'], `delay_enter=${FOR_EVER}`);
      process.kill(pid, 'SIGTERM');
      await untilKilled(pid, injecting);
      await world.ok('watchdog');
      expect((await world.ps()).map((agent) => agent.pid)).toEqual(agents);
    });
  },
);
