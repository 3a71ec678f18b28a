import { afterAll, expect, test } from 'vitest';
import type { RunningErrand } from '../../src/host/host.ts';
import type { Launch } from '../../src/host/launcher/launch.ts';
import { hasEnded, readStat } from '../../src/host/proc/stat.ts';
import { endOfHook } from '../../src/host/process/hook.ts';
import { spawnProcess } from '../../src/host/process/spawner.ts';
import { reapPid } from '../../src/host/sys/pidfd.ts';
import { isRunning, until } from '../e2e/harness.ts';

const PATH = process.env.PATH ?? '';
const left: number[] = [];
afterAll(() => {
  for (const pid of left) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
});

/** Starts a hook as a host without cgroups does. */
function begin(launch: Launch, onStart: (pid: number) => void): RunningErrand {
  const pid = spawnProcess(launch);
  onStart(pid);
  return {
    end: async (timeoutMs) => {
      const isOver = () => hasEnded(readStat(pid));
      const inTime = await until(isOver, timeoutMs).then(
        () => true,
        () => false,
      );
      if (!inTime) process.kill(-pid, 'SIGKILL');
      const status = reapPid(pid);
      return inTime ? status : null;
    },
  };
}

/** Runs a script as a hook. @returns what it failed with, '' where it did not, and its pid */
async function hook(script: string, timeoutMs = 60_000): Promise<{ failure: string; pid: number }> {
  let pid = 0;
  const options = { cwd: '/', env: { PATH }, timeoutMs };
  const starting = (launch: Launch) =>
    begin(launch, (started) => {
      pid = started;
    });
  const failure = await endOfHook(['/bin/sh', '-c', script], options, starting).then(
    () => '',
    (error: Error) => error.message,
  );
  return { failure, pid };
}

test('a hook that exits 0 has done its work, whatever it said', async () => {
  expect((await hook('echo fine; echo fine >&2')).failure).toBe('');
});

test('a hook that fails is told with how it ended and what it said last', async () => {
  expect((await hook('echo no such benchmark >&2; exit 3')).failure).toBe(
    'exited 3; its last output: no such benchmark',
  );
  expect((await hook('kill -KILL $$')).failure).toContain('SIGKILL');
});

test('a hook that hangs is killed with what it has forked', async () => {
  const { failure, pid } = await hook('sleep 100000 & sleep 100000', 300);
  expect(failure).toBe('killed after 0.3 s');
  await until(() => !isRunning(pid));
});

test.each(['exit 3', 'kill -KILL $$'])(
  'what a hook leaves in the background, with its output open, is not waited for: %s',
  async (end) => {
    const { failure } = await hook(`setsid sleep 100 & echo $!; ${end}`);
    const pid = Number(/\d+$/.exec(failure)?.[0]);
    left.push(pid);
    expect(isRunning(pid)).toBe(true);
  },
);

test('a hook that floods its output is held to a bound', async () => {
  const { failure } = await hook('head -c 3000000 /dev/zero | tr "\\0" "y"; exit 1');
  expect(failure).toHaveLength('exited 1; its last output: '.length + 200);
});
