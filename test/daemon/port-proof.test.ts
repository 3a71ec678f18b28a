import { describe, expect, test } from 'vitest';
import { PortProof } from '../../src/daemon/shared/port-proof.ts';
import type { Sockets } from '../../src/host/host.ts';
import { kernelAddress } from '../../src/host/proc/address.ts';
import { PortTable } from '../../src/host/proc/port-table.ts';

/** A listening socket: its inode, who holds it, its address (0.0.0.0 and :: for any). */
interface Listener {
  inode: number;
  holder: string;
  address: string;
  isIpv6Only?: boolean;
}

const PORT = 8000;
const addressOf = (slot: number) => `127.16.0.${slot + 1}`;
const agent = (slot: number, address: string | null = addressOf(slot)) => ({
  key: `web/${slot}`,
  port: PORT,
  address,
});

/** A host with these listeners on the port, which counts what is asked of it. */
class FakePorts {
  readonly asked = { tables: 0, lookUps: 0, walks: 0, holders: 0 };
  listeners: Listener[];

  constructor(...listeners: Listener[]) {
    this.listeners = listeners;
  }

  get sockets(): Sockets {
    const table = () => {
      const ports = new PortTable();
      for (const { inode, address, isIpv6Only } of this.listeners)
        ports.add(PORT, inode, kernelAddress(address), isIpv6Only);
      return ports;
    };
    const holderOf = (inode: number) => this.listeners.find((one) => one.inode === inode)!.holder;
    const sockets: Partial<Sockets> = {
      readPorts: () => {
        this.asked.tables++;
        return table();
      },
      reachablePorts: () => {
        this.asked.lookUps++;
        return table();
      },
      holds: (key, inodes) => inodes.some((inode) => holderOf(inode) === key),
      slotsHolding: (inodes) => {
        this.asked.walks++;
        const inSlots = inodes.filter((inode) => holderOf(inode).includes('/'));
        return new Map(inSlots.map((inode) => [inode, holderOf(inode)]));
      },
      holderOf: (inodes) => {
        this.asked.holders++;
        return holderOf(inodes[0]!);
      },
      isLocal: (address) => address.startsWith('127.'),
    };
    return sockets as Sockets;
  }
}

function problems(host: FakePorts, ...agents: ReturnType<typeof agent>[]): (string | null)[] {
  return new PortProof(host.sockets).problems(['tcp'], agents, 'everywhere');
}

describe('an agent with an address of its own', () => {
  test.each<[string, string | null, Listener[]]>([
    ['serves there', null, [{ inode: 1, holder: 'web/0', address: '127.16.0.1' }]],
    ['serves nowhere', '127.16.0.1:8000 is not open', []],
    [
      'serves at another address',
      '127.16.0.1:8000 is not open',
      [{ inode: 1, holder: 'web/0', address: '127.0.0.1' }],
    ],
    [
      'serves at any address',
      'it listens on 0.0.0.0:8000, not on 127.16.0.1:8000 alone',
      [{ inode: 1, holder: 'web/0', address: '0.0.0.0' }],
    ],
    [
      'serves at any address of both families',
      'it listens on [::]:8000, not on 127.16.0.1:8000 alone',
      [{ inode: 1, holder: 'web/0', address: '::' }],
    ],
    [
      'serves there, and at any address of IPv6',
      'it listens on [::]:8000, not on 127.16.0.1:8000 alone',
      [
        { inode: 1, holder: 'web/0', address: '127.16.0.1' },
        { inode: 2, holder: 'web/0', address: '::', isIpv6Only: true },
      ],
    ],
    [
      'finds its place taken',
      '127.16.0.1:8000 does not belong to the agent: held by pid 9',
      [{ inode: 1, holder: 'pid 9', address: '127.16.0.1' }],
    ],
    [
      'finds all addresses taken',
      '127.16.0.1:8000 does not belong to the agent: held by web/7',
      [{ inode: 1, holder: 'web/7', address: '0.0.0.0' }],
    ],
    [
      'shares its place',
      '127.16.0.1:8000 does not belong to the agent alone: also held by pid 9',
      [
        { inode: 1, holder: 'web/0', address: '127.16.0.1' },
        { inode: 2, holder: 'pid 9', address: '127.16.0.1' },
      ],
    ],
    [
      'is next to one who serves any address of IPv6 alone',
      null,
      [
        { inode: 1, holder: 'web/0', address: '127.16.0.1' },
        { inode: 2, holder: 'pid 9', address: '::', isIpv6Only: true },
      ],
    ],
  ])('%s', (_, expected, listeners) => {
    expect(problems(new FakePorts(...listeners), agent(0))).toEqual([expected]);
    // The same if it is one of many.
    expect(problems(new FakePorts(...listeners), agent(0), agent(3))[0]).toBe(expected);
  });

  test('is told that the host lacks the address', () => {
    expect(problems(new FakePorts(), agent(0, 'fd00::1'))).toEqual([
      '[fd00::1]:8000 is not open: this host does not have the address',
    ]);
  });
});

test('a thousand agents on one port cost one look at the sockets, also where one of them takes all', () => {
  const all = Array.from({ length: 1_000 }, (_, slot) => agent(slot, `127.16.${slot >> 8}.${slot & 255}`));
  const listeners = all.map(({ key, address }, i) => ({ inode: i + 1, holder: key, address: address! }));
  const host = new FakePorts(...listeners);
  expect(problems(host, ...all)).toEqual(all.map(() => null));
  expect(host.asked).toEqual({ tables: 1, lookUps: 0, walks: 0, holders: 0 });

  const taken = new FakePorts({ inode: 1, holder: 'web/7', address: '0.0.0.0' });
  const found = problems(taken, ...all);
  expect(found[7]).toContain('it listens on 0.0.0.0:8000');
  expect(found.filter((problem) => problem?.includes('held by web/7'))).toHaveLength(999);
  expect(taken.asked).toEqual({ tables: 1, lookUps: 0, walks: 1, holders: 1 });
});

test('one agent is proved without a look at all sockets, and again once its sockets are others', () => {
  const host = new FakePorts({ inode: 1, holder: 'web/0', address: '127.16.0.1' });
  const proof = new PortProof(host.sockets);
  const prove = () => proof.problems(['tcp'], [agent(0)], 'everywhere');
  expect(prove()).toEqual([null]);
  expect(host.asked).toMatchObject({ tables: 0, lookUps: 1 });
  host.listeners = [{ inode: 2, holder: 'pid 9', address: '127.16.0.1' }];
  expect(prove()[0]).toContain('held by pid 9');
});

test('whoever answers no request to 127.0.0.1 does not matter to a request', () => {
  const listeners = [
    { inode: 1, holder: 'web/0', address: '127.0.0.1' },
    { inode: 2, holder: 'pid 9', address: '127.0.0.5' },
  ];
  const proof = new PortProof(new FakePorts(...listeners).sockets);
  expect(proof.problems(['tcp'], [agent(0, null)], 'loopback')).toEqual([null]);
});
