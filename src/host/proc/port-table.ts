import { addressText, type KernelAddress, kernelAddress, unmapped } from './address.ts';

const SPACE = 0x20;
const NEWLINE = 0x0a;
const COLON = 0x3a;
/** TCP_LISTEN; a UDP socket shows TCP_CLOSE (7) while bound and TCP_ESTABLISHED (1) once connected (net/tcp_states.h). */
const TCP_LISTEN = 0x0a;
/** The number of port numbers. */
export const PORTS = 65_536;

export type Protocol = 'tcp' | 'udp';

/** The address of a socket that is bound to no particular one, IPv4 and IPv6 alike. */
export const ANY_ADDRESS = 'any';
/** 127.0.0.1, as the kernel writes it: the bytes of a network address, read as a word of a little-endian host. */
export const LOOPBACK_ADDRESS = '0100007F';
/** Digits of an IPv4 address. */
const IPV4_DIGITS = 8;
const IS_ANY = /^0*$/;

/** Ports from one to another, both included. */
export interface PortRange {
  from: number;
  to: number;
}

export const ALL_PORTS: PortRange = { from: 0, to: PORTS - 1 };

/** The smallest range that contains all of these ports. */
export function rangeOf(ports: readonly number[]): PortRange {
  const range = { from: PORTS - 1, to: 0 };
  for (const port of ports) {
    range.from = Math.min(range.from, port);
    range.to = Math.max(range.to, port);
  }
  return range;
}

/**
 * The sockets that serve each local port: inode numbers by port, from one pass over the kernel's table. Most ports have
 * one socket, and are kept as a number; SO_REUSEPORT, and IPv4 next to IPv6, make more.
 */
export class PortTable {
  readonly #inodes = new Map<number, number | number[]>();
  /** The addresses of sockets bound to one, by inode; most are bound to any. */
  readonly #addresses = new Map<number, KernelAddress>();
  /** Sockets of IPv6 that are bound to any address, and whether they take IPv6 only (IPV6_V6ONLY). */
  readonly #anyOfIpv6 = new Map<number, boolean>();
  /** The inodes of a port by their addresses, for ports that were asked about: many agents may share one. */
  readonly #byAddress = new Map<number, Map<KernelAddress, number[]>>();

  /** The inodes of the sockets bound to (udp) or listening on (tcp) a port; empty if there are none. */
  inodes(port: number): readonly number[] {
    const known = this.#inodes.get(port);
    return known === undefined ? [] : Array.isArray(known) ? known : [known];
  }

  /** The address that a socket is bound to, as in /proc/net/tcp; ANY_ADDRESS if it is bound to any. */
  addressOf(inode: number): KernelAddress {
    return this.#addresses.get(inode) ?? ANY_ADDRESS;
  }

  /** The same in canonical text: 127.16.0.8, fd00::8; 0.0.0.0 or :: if it is bound to any. */
  textOf(inode: number): string {
    const address = this.#addresses.get(inode);
    if (address !== undefined) return addressText(address);
    return this.#anyOfIpv6.has(inode) ? '::' : '0.0.0.0';
  }

  /** The sockets of a port that are bound to this one address. @param address in canonical form */
  inodesAt(port: number, address: string): readonly number[] {
    return this.#addressesOf(port).get(kernelAddress(address)) ?? [];
  }

  /** The sockets of a port that are bound to any address, of IPv4 or IPv6. */
  inodesAtAny(port: number): readonly number[] {
    return this.#addressesOf(port).get(ANY_ADDRESS) ?? [];
  }

  /** The sockets that may get what is sent to a port at an address: those bound to it, or to any of its kind. */
  inodesFor(port: number, address: string): readonly number[] {
    const atAny = this.inodesAtAny(port).filter((inode) => this.isAnyFor(inode, address));
    return [...this.inodesAt(port, address), ...atAny];
  }

  /** Whether a socket that is bound to any address is bound to this one too: one of IPv6 may be to those of IPv4. */
  isAnyFor(inode: number, address: string): boolean {
    const isIpv6Only = this.#anyOfIpv6.get(inode);
    return address.includes(':') ? isIpv6Only !== undefined : isIpv6Only !== true;
  }

  /** Adds the lines of one of /proc/net/tcp, tcp6, udp, udp6. */
  addTable(table: Buffer, protocol: Protocol): void {
    eachLine(table, (start, end) => this.#addLine(table, start, end, protocol));
  }

  /** A line is `sl: address:PORT address:PORT ST tx:rx tr:when retr uid timeout inode …`, numbers before uid in hex. */
  #addLine(table: Buffer, start: number, end: number, protocol: Protocol): void {
    const socket = readSocket(table, start, end);
    if (!socket || (protocol === 'tcp' && socket.state !== TCP_LISTEN)) return;
    let at = socket.rest;
    for (let field = 0; field < 6 && at < end; field++) {
      while (at < end && table[at] === SPACE) at++;
      if (field < 5) while (at < end && table[at] !== SPACE) at++;
    }
    this.add(socket.port, decimal(table, at, end), socket.address);
  }

  /**
   * Adds a socket; one without an inode has no process any more.
   * @param isIpv6Only whether it takes IPv6 alone, which /proc/net does not show
   */
  add(port: number, inode: number, address: KernelAddress, isIpv6Only = false): void {
    if (inode === 0) return;
    const own = unmapped(address);
    if (!IS_ANY.test(own)) this.#addresses.set(inode, own);
    else if (own.length > IPV4_DIGITS) this.#anyOfIpv6.set(inode, isIpv6Only);
    this.#byAddress.delete(port);
    const others = this.#inodes.get(port);
    if (Array.isArray(others)) others.push(inode);
    else this.#inodes.set(port, others === undefined ? inode : [others, inode]);
  }

  #addressesOf(port: number): ReadonlyMap<KernelAddress, number[]> {
    const known = this.#byAddress.get(port);
    if (known) return known;
    const found = Map.groupBy(this.inodes(port), (inode) => this.addressOf(inode));
    this.#byAddress.set(port, found);
    return found;
  }
}

/** A port that is served, and the address in text: 0.0.0.0 or :: for any. */
export interface ServedPorts {
  protocol: Protocol;
  port: number;
  address: string;
}

/** Inverts tables of ports: the port that each socket serves, by its inode. */
export function portsByInode(tables: Readonly<Record<Protocol, PortTable>>): Map<number, ServedPorts> {
  const ports = new Map<number, ServedPorts>();
  for (const protocol of ['tcp', 'udp'] as const) {
    for (let port = 1; port < PORTS; port++) {
      const table = tables[protocol];
      for (const inode of table.inodes(port))
        ports.set(inode, { protocol, port, address: table.textOf(inode) });
    }
  }
  return ports;
}

/** The lines of a table of /proc/net without its heading. */
export function eachLine(table: Buffer, use: (start: number, end: number) => void): void {
  let line = table.indexOf(NEWLINE) + 1;
  while (line > 0 && line < table.length) {
    const end = table.indexOf(NEWLINE, line);
    use(line, end < 0 ? table.length : end);
    line = end + 1;
    if (end < 0) return;
  }
}

/** A line's local port and state, and the position of the fields after them; null for a line cut short. */
export function readSocket(
  table: Buffer,
  start: number,
  end: number,
): { port: number; address: string; state: number; rest: number } | null {
  const number = table.indexOf(COLON, start);
  const local = table.indexOf(COLON, number + 1) + 1;
  if (local === 0 || local + 4 > end) return null;
  const remote = table.indexOf(COLON, local) + 1;
  return {
    port: hex(table, local, local + 4),
    address: table.toString('latin1', number + 2, local - 1),
    state: hex(table, remote + 5, remote + 7),
    rest: remote + 7,
  };
}

function hex(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    value = value * 16 + (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57);
  }
  return value;
}

function decimal(bytes: Buffer, from: number, end: number): number {
  let value = 0;
  for (let i = from; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}
