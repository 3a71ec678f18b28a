import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const DEADLINE = new URL('../../src/host/process/deadline.ts', import.meta.url).href;
/** Far beyond what is armed; what is still there then was not ended. */
const STAYS_MS = 120_000;

/** Runs a script in a process of its own. @returns the signal or the code that it ended with */
function run(script: string): string | number | null {
  const head = `const { Deadline, exitNow } = await import(${JSON.stringify(DEADLINE)}); const deadline = new Deadline();`;
  const args = ['--input-type=module', '-e', head + script];
  const { signal, status } = spawnSync(process.execPath, args, { timeout: STAYS_MS, killSignal: 'SIGTERM' });
  return signal ?? status;
}

test('the kernel ends a process whose loop does not turn', () => {
  expect(run('deadline.arm(100); for (;;);')).toBe('SIGKILL');
});

test('the kernel ends a process whose threads all sleep', () => {
  const sleep = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
  expect(run(`deadline.arm(100); ${sleep}`)).toBe('SIGKILL');
});

test('a later time takes the place of an earlier one', () => {
  expect(run('deadline.arm(50); deadline.arm(3_600_000); setTimeout(() => exitNow(7), 500);')).toBe(7);
});

test('a process ends with its code, whatever thread is busy', () => {
  const busy = `new (await import('node:worker_threads')).Worker('for (;;);', { eval: true });`;
  expect(run(`${busy} setTimeout(() => exitNow(5), 200);`)).toBe(5);
});
