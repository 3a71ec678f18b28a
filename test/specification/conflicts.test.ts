import { describe, expect, test } from 'vitest';
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

describe('with addresses', () => {
  const at = (name: string, base: string, target: number, ports: object = { same: 8000 }) =>
    parseSpec({ name, command: ['a'], addresses: { base }, ports, target });

  test('fleets share a port, unless two slots share an address too', () => {
    const fleets = [at('a', '127.16.0.0/16', 10), at('b', '127.17.0.0/16', 10), at('c', '127.16.0.8/29', 2)];
    expect(portConflicts(fleets)).toEqual([
      {
        at: { earlier: 0, later: 2 },
        path: 'ports.base',
        text: '127.16.0.9:8000 belongs to a slot of fleet a as well',
      },
    ]);
    expect(portConflicts([at('a', '127.16.0.0/16', 8), fleets[2]!])).toEqual([]);
  });

  test('a fleet without them has its ports at every address', () => {
    expect(portConflicts([at('a', '127.16.0.0/16', 10), spec('b', 7999, 2)])).toMatchObject([
      { text: 'ports 7999-8000 overlap with 8000-8000 of fleet a' },
    ]);
  });
});
