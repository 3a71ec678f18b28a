import { expect, test } from 'vitest';
import {
  addressOf,
  addressProblem,
  blockProblem,
  canonicalAddress,
  isLoopback,
  localCommand,
  slotOfAddress,
  slotsIn,
} from '../../src/specification/addresses.ts';

test.each([
  ['127.16.0.0/16', 0, '127.16.0.1'],
  ['127.16.0.0/16', 254, '127.16.0.255'],
  ['127.16.0.0/16', 255, '127.16.1.0'],
  ['10.0.0.64/26', 61, '10.0.0.126'],
  ['fd00::/64', 0, 'fd00::1'],
  ['fd00:0:0:5::/64', 65_535, 'fd00::5:0:0:1:0'],
  ['2001:db8::/112', 254, '2001:db8::ff'],
])('in %s, slot %i has the address %s', (base, slot, expected) => {
  expect(addressOf({ base }, slot)).toBe(expected);
  expect(addressProblem({ base }, slot)).toBeNull();
  expect(slotOfAddress({ base }, expected)).toBe(slot);
});

test('without addresses, a slot has none', () => {
  expect(addressOf(null, 3)).toBeNull();
});

test.each([
  ['10.0.0.64/26', 62, 'slot 61 is the last one that fits'],
  ['10.0.0.7/32', 0, 'not even slot 0 fits'],
  ['fd00::/126', 3, 'slot 2 is the last one that fits'],
])('in %s, there is no address for slot %i', (base, slot, expected) => {
  expect(addressProblem({ base }, slot)).toContain(expected);
});

test.each([
  ['127.16.0.1/16', 'write 127.16.0.0/16'],
  ['127.16.0.0', 'it must be an address and a prefix length'],
  ['127.16.0.0/33', 'it must be an address and a prefix length'],
  ['127.16.0.256/24', 'it must be an address and a prefix length'],
  ['fd00::1/64', 'write fd00::/64'],
  ['fd00:::/64', 'it must be an address and a prefix length'],
  ['1:2:3:4:5:6:7/64', 'it must be an address and a prefix length'],
])('refuses the block %s', (text, expected) => {
  expect(blockProblem(text)).toContain(expected);
});

test.each(['127.0.0.0/8', '0.0.0.0/0', '::/0', 'fd00::/64', '1:2:3:4:5:6:7:0/112'])(
  'takes the block %s',
  (text) => {
    expect(blockProblem(text)).toBeNull();
  },
);

test.each([
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['1:0:2:0:0:0:3:4', '1:0:2::3:4'],
  ['127.0.0.1', '127.0.0.1'],
  ['localhost', null],
  ['1::2::3', null],
])('the canonical form of %s is %s', (text, expected) => {
  expect(canonicalAddress(text)).toBe(expected);
});

test('tells loopback addresses', () => {
  expect(['127.16.0.1', '::1', '10.0.0.1', 'fd00::1'].map(isLoopback)).toEqual([true, true, false, false]);
});

test.each(['127.16.0.0', '127.16.0.3', '127.15.255.255', '::1', 'any', ''])(
  'in /30, %s is of no slot',
  (text) => {
    expect(slotOfAddress({ base: '127.16.0.0/30' }, text)).toBeNull();
  },
);

test('tells how many slots have an address', () => {
  expect(['10.0.0.0/24', '10.0.0.7/32', 'fd00::/126', 'fd00::/64'].map((base) => slotsIn({ base }))).toEqual([
    254, 0, 3, 1_000_000,
  ]);
});

test('tells how a host gets the addresses', () => {
  expect(localCommand({ base: '10.9.0.0/16' })).toBe('ip route add local 10.9.0.0/16 dev lo');
  expect(localCommand({ base: 'fd00::/64' })).toBe(
    'ip route add local fd00::/64 dev lo && sysctl -w net.ipv6.ip_nonlocal_bind=1',
  );
});
