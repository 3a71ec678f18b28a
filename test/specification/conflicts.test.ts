import { expect, test } from 'vitest';
import { portConflicts } from '../../src/specification/conflicts.ts';
import { parseSpec } from '../../src/specification/parse.ts';

const spec = (name: string, base: number, target: number | null, more: object = {}) =>
  parseSpec({ name, command: ['a'], ports: { base, ...more }, ...(target !== null && { target }) });

test('finds specs whose ports overlap, to the last port', () => {
  const specs = [spec('a', 100, 10, { perAgent: 2 }), spec('b', 120, 5), spec('c', 119, 1)];
  expect(portConflicts(specs)).toEqual([
    {
      at: { earlier: 0, later: 2 },
      path: 'ports.base',
      text: 'ports 119-119 overlap with 100-119 of fleet a',
    },
  ]);
});

test.each([
  ['without a target', spec('b', 100, null)],
  ['with target 0', spec('b', 100, 0)],
  ['of another protocol', spec('b', 100, 10, { protocol: 'udp' })],
])('leaves alone one %s', (_, other) => {
  expect(portConflicts([spec('a', 100, 10, { protocol: 'tcp' }), other])).toEqual([]);
});
