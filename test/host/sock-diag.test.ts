import { createSocket } from 'node:dgram';
import { createConnection, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isLocal } from '../../src/host/net/local.ts';
import { readPortRange } from '../../src/host/net/sock-diag.ts';
import { lookUpListeners } from '../../src/host/net/sock-lookup.ts';
import { readPorts } from '../../src/host/proc/net.ts';
import { ALL_PORTS, rangeOf } from '../../src/host/proc/port-table.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listen(
  host: string,
  options: { port?: number; reusePort?: boolean; ipv6Only?: boolean } = {},
): Promise<number> {
  const server: Server = createServer();
  cleanups.push(() => server.close());
  await new Promise<void>((resolve) => server.listen({ port: 0, host, ...options }, resolve));
  return (server.address() as { port: number }).port;
}

async function bindUdp(): Promise<number> {
  const socket = createSocket('udp4');
  cleanups.push(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}

describe('the kernel’s sockets', () => {
  test.each(['127.0.0.1', '0.0.0.0', '::1', '::'])(
    'are the same as in /proc/net, listening at %s',
    async (host) => {
      const port = await listen(host);
      const inodes = readPorts('tcp').inodes(port);
      expect(inodes).toHaveLength(1);
      expect(readPortRange('tcp', rangeOf([port])).inodes(port)).toEqual(inodes);
      expect(readPortRange('tcp', ALL_PORTS).inodes(port)).toEqual(inodes);
      expect(readPortRange('udp', ALL_PORTS).inodes(port)).toEqual([]);
    },
  );

  test('are the same as in /proc/net, bound to udp', async () => {
    const port = await bindUdp();
    expect(readPortRange('udp', rangeOf([port])).inodes(port)).toEqual(readPorts('udp').inodes(port));
    expect(readPortRange('udp', rangeOf([port])).inodes(port)).toHaveLength(1);
  });

  test('are all found where there are more than the kernel tells at once', async () => {
    const ports = await Promise.all(Array.from({ length: 500 }, () => listen('127.0.0.1')));
    const found = readPortRange('tcp', rangeOf(ports));
    for (const port of ports) expect(found.inodes(port)).toHaveLength(1);
  });

  test('outside of the range are left out, at both of its ends', async () => {
    const port = await listen('127.0.0.1');
    expect(readPortRange('tcp', { from: port, to: port }).inodes(port)).toHaveLength(1);
    expect(readPortRange('tcp', { from: port + 1, to: 65_535 }).inodes(port)).toEqual([]);
    expect(readPortRange('tcp', { from: 0, to: port - 1 }).inodes(port)).toEqual([]);
  });

  test('that are connected do not count as listening', async () => {
    const port = await listen('127.0.0.1');
    const client = createConnection(port, '127.0.0.1');
    cleanups.push(() => client.destroy());
    await new Promise((resolve) => client.once('connect', resolve));
    expect(readPortRange('tcp', rangeOf([client.localPort!])).inodes(client.localPort!)).toEqual([]);
  });
});

test('the range of ports is the narrowest, and that of none has none in it', () => {
  expect(rangeOf([7, 3, 5])).toEqual({ from: 3, to: 7 });
  const none = rangeOf([]);
  expect(none.from).toBeGreaterThan(none.to);
});

describe('who gets connections to a port', () => {
  test.each(['127.0.0.1', '0.0.0.0', '::1', '::'])('is who listens at %s', async (host) => {
    const port = await listen(host);
    const found = lookUpListeners(port)!;
    expect(found.inodes(port)).toEqual(readPorts('tcp').inodes(port));
    expect(found.addressOf(found.inodes(port)[0]!)).toBe(
      readPorts('tcp').addressOf(readPorts('tcp').inodes(port)[0]!),
    );
  });

  test('is all that share it, and nobody where nobody listens', async () => {
    const port = await listen('127.0.0.1', { reusePort: true });
    await listen('127.0.0.1', { reusePort: true, port });
    await listen('::1', { port });
    const expected = readPorts('tcp').inodes(port);
    expect(expected).toHaveLength(3);
    expect([...lookUpListeners(port)!.inodes(port)].sort()).toEqual([...expected].sort());
    for (const cleanup of cleanups.splice(0)) cleanup();
    expect(lookUpListeners(port)!.inodes(port)).toEqual([]);
  });
});

describe('who gets connections to a port at one address', () => {
  const at = '127.16.0.8';

  test('is who listens there, beside whoever listens at any address, not who has the port elsewhere', async () => {
    const port = await listen(at);
    await listen('127.16.0.9', { port });
    const [mine] = readPorts('tcp').inodesAt(port, at);
    expect(lookUpListeners(port, at)!.inodes(port)).toEqual([mine]);
    await listen('::', { port, ipv6Only: true });
    const found = lookUpListeners(port, at)!;
    expect(found.inodesAt(port, at)).toEqual([mine]);
    expect(found.inodesAtAny(port).map((inode) => found.textOf(inode))).toEqual(['::']);
    expect(found.inodesFor(port, at)).toEqual([mine]);
    // A walk through all listeners tells the same; /proc/net does not tell who takes IPv6 alone.
    expect(readPortRange('tcp', rangeOf([port])).inodesFor(port, at)).toEqual([mine]);
    expect(readPorts('tcp').inodesFor(port, at)).toHaveLength(2);
  });

  test.each(['0.0.0.0', '::'])('is who listens at %s', async (host) => {
    const port = await listen(host);
    const found = lookUpListeners(port, at)!;
    expect(found.inodesAt(port, at)).toEqual([]);
    expect(found.inodesFor(port, at)).toEqual(readPorts('tcp').inodes(port));
    expect(readPortRange('tcp', rangeOf([port])).inodesFor(port, at)).toEqual(readPorts('tcp').inodes(port));
  });

  test('is who listens there by IPv6', async () => {
    const port = await listen('::1');
    expect(lookUpListeners(port, '::1')!.inodesAt(port, '::1')).toEqual(readPorts('tcp').inodes(port));
    expect(lookUpListeners(port, at)!.inodes(port)).toEqual([]);
  });
});

test('an address is local if a socket can be bound to it', () => {
  expect(['127.0.0.1', '127.16.0.8', '::1', '192.0.2.1', '2001:db8::1'].map(isLocal)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
