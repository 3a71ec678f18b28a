import { describe, expect, test } from 'vitest';
import {
  type Allowed,
  allowedSlots,
  chooseFleets,
  placeStrays,
  type SlotUsers,
  slotOfPorts,
  topmost,
} from '../../src/fleet/strays/placement.ts';
import { specOf } from './fleets.ts';

describe('the slot of a port', () => {
  const spec = (ports: object, addresses?: string) =>
    specOf({ ports, ...(addresses !== undefined && { addresses: { base: addresses } }) });
  const ports = { base: 100, perAgent: 10, protocol: 'tcp' };
  const at = (protocol: 'tcp' | 'udp', port: number, address = '0.0.0.0') => ({ protocol, port, address });
  test.each([
    [[at('tcp', 100)], 0],
    [[at('tcp', 119)], 1],
    [[at('tcp', 99)], null],
    [[at('udp', 110)], null],
    [[at('tcp', 80), at('tcp', 130)], 3],
    [[], null],
  ] as const)('%j', (held, slot) => {
    expect(slotOfPorts(spec(ports), held)).toBe(slot);
    expect(slotOfPorts(specOf(), held)).toBeNull();
  });

  test.each([
    ['127.16.0.8', 7],
    ['127.16.0.0', null],
    ['127.0.0.1', null],
    ['127.17.0.1', null],
    ['0.0.0.0', null],
    ['::1', null],
  ] as const)('shared by all slots is that of the address %s', (address, slot) => {
    expect(slotOfPorts(spec({ same: 8000 }, '127.16.0.0/16'), [at('tcp', 8000, address)])).toBe(slot);
    expect(slotOfPorts(spec({ same: 8000 }, '127.16.0.0/16'), [at('tcp', 8001, address)])).toBeNull();
  });

  test('at an address counts only if it is the port of that slot', () => {
    const both = spec(ports, 'fd00::/64');
    expect(slotOfPorts(both, [at('tcp', 115, 'fd00::2')])).toBe(1);
    expect(slotOfPorts(both, [at('tcp', 115, 'fd00::1')])).toBeNull();
  });

  test('is of either protocol where the spec names none', () => {
    expect(slotOfPorts(spec({ base: 100, perAgent: 10 }), [at('udp', 110)])).toBe(1);
  });
});

describe('where strays are adopted', () => {
  const place = (slots: (number | null)[], taken: number[]) =>
    placeStrays(
      slots.map((slot) => ({ slot, allowed: 'any' as const })),
      (slot) => !taken.includes(slot),
    );

  test('the slot whose port one holds comes first, then the lowest free one', () => {
    expect(place([null, 1, 7, null], [])).toEqual([0, 1, 7, 2]);
  });

  test('a slot in which something runs is nobody’s, whoever holds its port', () => {
    expect(place([0, null, 5], [0, 1])).toEqual([2, 3, 5]);
  });

  test('no two get the same slot', () => {
    expect(place([3, 3, null, 0], [])).toEqual([3, 1, 2, 0]);
  });
});

describe('by its user a stray may be in', () => {
  test.each<[readonly number[], SlotUsers, Allowed]>([
    [[5, 5, 5], { uid: 5 }, 'any'],
    [[6, 6, 6], { uid: 5 }, 'none'],
    // It can become another user, or was one: both count.
    [[5, 0, 5], { uid: 5 }, 'none'],
    [[5, 5, 0], { uid: 5 }, 'none'],
    [[0, 5, 5], { uid: 5 }, 'none'],
    [[103, 103, 103], { base: 100 }, 3],
    [[99, 99, 99], { base: 100 }, 'none'],
    [[], { uid: 0 }, 'none'],
  ])('uids %j, slots of %j: %s', (uids, users, allowed) => {
    expect(allowedSlots(uids, users)).toBe(allowed);
  });

  test('just one slot, and is in no other where that one is taken', () => {
    const strays = [
      { slot: null, allowed: 3 },
      { slot: null, allowed: 4 },
      { slot: null, allowed: 'none' },
      { slot: 0, allowed: 'any' },
    ] as const;
    expect(placeStrays(strays, (slot) => slot !== 4)).toEqual([3, null, null, 0]);
  });
});

test('what a stray has forked goes with it, however far down', () => {
  const parents = new Map([
    [10, 1],
    [11, 10],
    [12, 99],
    [99, 10],
    [20, 1],
  ]);
  const alike = [10, 11, 12, 20].map((pid) => ({ pid }));
  expect(topmost(alike, (pid) => parents.get(pid) ?? null)).toEqual([
    { stray: { pid: 10 }, workers: [11, 12] },
    { stray: { pid: 20 }, workers: [] },
  ]);
});

test('parents that were read at different moments and run in a circle end no search', () => {
  const circle = new Map([
    [10, 11],
    [11, 10],
  ]);
  expect(() => topmost([{ pid: 10 }], (pid) => circle.get(pid) ?? null)).not.toThrow();
});

test('a process that several fleets could have started is of the one whose port it holds', () => {
  const claims = [
    { fleet: 'a', pid: 1, slot: null },
    { fleet: 'b', pid: 1, slot: 4 },
    { fleet: 'a', pid: 2, slot: null },
    { fleet: 'b', pid: 2, slot: null },
  ];
  expect(chooseFleets(claims, null)).toEqual([claims[1], claims[2]]);
  expect(chooseFleets(claims, 'a')).toEqual([claims[2]]);
  expect(chooseFleets(claims, 'b')).toEqual([claims[1], claims[3]]);
});
