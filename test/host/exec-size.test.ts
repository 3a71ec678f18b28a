import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { execProblem, STRING_BYTES_MAX, totalBytesMax } from '../../src/specification/exec-size.ts';

const PATH = '/bin/true';

/** This process's own soft limit of the stack, which its children have as well. */
function ownStack(): number {
  const [, soft] = /^Max stack size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))!;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Whether the kernel executes a program with these variables. */
function isExecuted(env: readonly string[]): boolean {
  const { error, status } = spawnSync(PATH, [], {
    env: Object.fromEntries(env.map((variable) => variable.split('=', 2))),
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'E2BIG') return false;
  expect([error, status]).toEqual([undefined, 0]);
  return true;
}

test('the kernel says the same, to the byte', () => {
  const longest = (name: string) => `${name}=${'x'.repeat(STRING_BYTES_MAX - name.length - 1)}`;
  expect([isExecuted([longest('A')]), isExecuted([`${longest('A')}x`])]).toEqual([true, false]);
  const env = Array.from({ length: Math.floor(totalBytesMax(ownStack()) / 2 ** 17) - 1 }, (_, i) =>
    longest(`V${i}`),
  );
  const filled = (bytes: number) => [...env, `LAST=${'x'.repeat(bytes)}`];
  // What is left of the total for the last value.
  const isAccepted = (bytes: number) =>
    execProblem({ path: PATH, argv: [PATH], env: filled(bytes) }, ownStack()) === null;
  let [fits, not] = [0, STRING_BYTES_MAX - 5];
  while (not - fits > 1) {
    const between = Math.floor((fits + not) / 2);
    if (isAccepted(between)) fits = between;
    else not = between;
  }
  expect([isAccepted(fits), isAccepted(not)]).toEqual([true, false]);
  expect([isExecuted(filled(fits)), isExecuted(filled(not))]).toEqual([true, false]);
});
