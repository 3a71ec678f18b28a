import { readFile } from 'node:fs/promises';
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

/**
 * The number of established TCP connections of each local port, IPv4 and IPv6 together; the index is the port. With many
 * sockets the kernel takes long over these tables, so they are read on another thread.
 */
export async function readConnections(proc = PROC): Promise<Uint32Array> {
  const connections = new Uint32Array(PORTS);
  for (const name of ['tcp', 'tcp6']) {
    // A kernel without IPv6 has no tcp6.
    const table = await readFile(`${proc}/net/${name}`).catch(() => Buffer.alloc(0));
    eachLine(table, (start, end) => {
      const socket = readSocket(table, start, end);
      if (socket?.state === TCP_ESTABLISHED) connections[socket.port]!++;
    });
  }
  return connections;
}
