import { readFile } from 'node:fs/promises';
import { type KernelAddress, kernelAddress, unmapped } from './address.ts';
import { eachLine, PORTS, PortTable, type Protocol, readSocket } from './port-table.ts';
import { PROC, readProc } from './read.ts';

/** net/tcp_states.h. */
const TCP_ESTABLISHED = 0x01;

/** Reads which sockets serve which port, IPv4 and IPv6 together, in one pass over the kernel's tables, for all agents at once. */
export function readPorts(protocol: Protocol, proc = PROC): PortTable {
  const ports = new PortTable();
  for (const name of [protocol, `${protocol}6`]) {
    const table = readProc(`${proc}/net/${name}`);
    if (table) ports.addTable(table, protocol);
  }
  return ports;
}

/** The number of established TCP connections of each local port, IPv4 and IPv6 together. */
export class Connections {
  readonly #byPort = new Uint32Array(PORTS);
  /** At the addresses that were asked about, by port. */
  readonly #byAddress: ReadonlyMap<KernelAddress, Map<number, number>>;

  /** @param addresses those at which connections are counted apart, in canonical form */
  constructor(addresses: readonly string[] = []) {
    this.#byAddress = new Map(addresses.map((address) => [kernelAddress(address), new Map()]));
  }

  /** The number of connections of a port. @param address one that was asked about; null: of all together */
  of(port: number, address: string | null): number {
    if (address === null) return this.#byPort[port]!;
    return this.#byAddress.get(kernelAddress(address))?.get(port) ?? 0;
  }

  /** Adds the lines of /proc/net/tcp or tcp6. */
  addTable(table: Buffer): void {
    eachLine(table, (start, end) => {
      const socket = readSocket(table, start, end);
      if (socket?.state !== TCP_ESTABLISHED) return;
      const { port, address } = socket;
      this.#byPort[port]!++;
      const ports = this.#byAddress.get(unmapped(address));
      ports?.set(port, (ports.get(port) ?? 0) + 1);
    });
  }
}

/**
 * Counts the established TCP connections of each local port. With many sockets the kernel takes long over these tables,
 * so they are read on another thread.
 */
export async function readConnections(addresses: readonly string[] = [], proc = PROC): Promise<Connections> {
  const connections = new Connections(addresses);
  for (const name of ['tcp', 'tcp6']) {
    // A kernel without IPv6 has no tcp6.
    connections.addTable(await readFile(`${proc}/net/${name}`).catch(() => Buffer.alloc(0)));
  }
  return connections;
}
