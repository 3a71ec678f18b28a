import { expect, test } from 'vitest';
import { execProblem, totalBytesMax } from '../../src/specification/exec-size.ts';

const MIB = 1024 ** 2;
const STACK = 8 * MIB;
const PATH = '/bin/true';

const problem = (env: string[], argv = [PATH], stack = STACK) =>
  execProblem({ path: PATH, argv, env }, stack);

test('a word and a variable may have 131,071 bytes, the name included', () => {
  const longest = 'é'.repeat(65_535);
  expect(problem([`A=${longest.slice(1)}`], [PATH, `${longest}x`])).toBe(null);
  expect(problem([], [PATH, `${longest}xx`])).toEqual({ is: 'word', index: 1, bytes: 131_072 });
  expect(problem(['B=1', `A=${longest}`])).toEqual({ is: 'variable', name: 'A', bytes: 131_072 });
});

test('all together may take a quarter of the stack limit, at least 128 KiB and at most 6 MiB', () => {
  expect([0, 1, 8, 16, Number.POSITIVE_INFINITY].map((mib) => totalBytesMax(mib * MIB))).toEqual([
    128 * 1024,
    256 * 1024,
    2 * MIB,
    4 * MIB,
    6 * MIB,
  ]);
});

test('the largest variable is named, and every word, variable and pointer counts', () => {
  const env = Array.from({ length: 22 }, (_, i) => `V${i % 10}=${'x'.repeat(100_000 + i)}`);
  const strings = env.reduce((sum, variable) => sum + variable.length + 1, 0);
  expect(problem(env)).toEqual({
    is: 'total',
    bytes: strings + 2 * (PATH.length + 1) + 8 * (1 + 22),
    bytesMax: 2 * MIB,
    largest: { name: 'V1', bytes: 100_024 },
  });
});
