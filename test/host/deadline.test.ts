import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { whyNoPidNamespace } from '../workshop/namespaces.ts';

const DEADLINE = new URL('../../src/host/process/deadline.ts', import.meta.url).href;
/** Far beyond what is armed; what is still there then was not ended. */
const STAYS_MS = 120_000;

const SLEEP = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
const AS_INIT = ['unshare', '--pid', '--fork', '--kill-child'];
const SIGALRM = 14;

/**
 * Runs a script in a process of its own.
 * @param words before those of the process
 * @returns the signal or the code that it ended with
 */
function run(script: string, words: readonly string[] = []): string | number | null {
  const head = `const { Deadline, endBySignal, exitNow } = await import(${JSON.stringify(DEADLINE)}); const deadline = new Deadline();`;
  const args = ['--input-type=module', '-e', head + script];
  const [program, ...rest] = [...words, process.execPath, ...args];
  const { signal, status } = spawnSync(program!, rest, { timeout: STAYS_MS, killSignal: 'SIGTERM' });
  return signal ?? status;
}

test('the kernel ends a process whose loop does not turn', () => {
  expect(run('deadline.arm(100); for (;;);')).toBe('SIGKILL');
});

test('the kernel ends a process whose threads all sleep', () => {
  expect(run(`deadline.arm(100); ${SLEEP}`)).toBe('SIGKILL');
});

test('a later time takes the place of an earlier one', () => {
  expect(run('deadline.arm(50); deadline.arm(3_600_000); setTimeout(() => exitNow(7), 500);')).toBe(7);
});

describe.skipIf(whyNoPidNamespace() !== null)('as PID 1, which no signal from inside ends', () => {
  test('a process whose loop does not turn ends', () => {
    expect(run('deadline.arm(100); for (;;);', AS_INIT)).toBe(SIGALRM);
  });

  test('a process whose threads all sleep ends', () => {
    expect(run(`deadline.arm(100); ${SLEEP}`, AS_INIT)).toBe(SIGALRM);
  });

  test('a defect ends it with the code of SIGKILL', () => {
    expect(run('endBySignal(); for (;;);', AS_INIT)).toBe(137);
  });
});

test('a process ends with its code, whatever thread is busy', () => {
  const busy = `new (await import('node:worker_threads')).Worker('for (;;);', { eval: true });`;
  expect(run(`${busy} setTimeout(() => exitNow(5), 200);`)).toBe(5);
});
