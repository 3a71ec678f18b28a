import { expect, test } from 'vitest';
import { runHook } from '../../src/host/hook.ts';
import { isRunning, until } from '../e2e/harness.ts';

const PATH = process.env.PATH ?? '';

/** Runs a script as a hook. @returns what it failed with, '' where it did not, and its pid */
async function hook(script: string, timeoutMs = 60_000): Promise<{ failure: string; pid: number }> {
  let pid = 0;
  const options = { cwd: '/', env: { PATH }, timeoutMs };
  const failure = await runHook(['/bin/sh', '-c', script], options, (started) => {
    pid = started;
  }).then(
    () => '',
    (error: Error) => error.message,
  );
  return { failure, pid };
}

test('a hook that exits 0 has done its work, whatever it said', async () => {
  expect((await hook('echo fine; echo fine >&2')).failure).toBe('');
});

test('a hook that fails is told with how it ended and what it said last', async () => {
  expect((await hook('echo no such benchmark >&2; exit 3')).failure).toBe('exited 3: no such benchmark');
  expect((await hook('kill -KILL $$')).failure).toContain('SIGKILL');
});

test('a hook that hangs is killed with what it has forked', async () => {
  const { failure, pid } = await hook('sleep 100000 & sleep 100000', 300);
  expect(failure).toBe('killed after 0.3 s');
  await until(() => !isRunning(pid));
});

test.each(['exit 0', 'kill -KILL $$'])(
  'what a hook leaves in the background, with its output open, is not waited for: %s',
  async (end) => {
    const { failure } = await hook(`setsid sleep 3 & ${end}`, 2_000);
    expect(failure).not.toContain('killed after');
  },
);

test('a hook that floods its output is held to a bound', async () => {
  expect((await hook('exec yes')).failure.length).toBeLessThan(400);
});
