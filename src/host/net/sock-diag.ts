import { readSync } from 'node:fs';
import { readPorts } from '../proc/net.ts';
import { type PortRange, PortTable, type Protocol } from '../proc/port-table.ts';
import { check, libc } from '../sys/libc.ts';
import {
  AF,
  ANSWER,
  addressAt,
  HEADER,
  isIpv6OnlyAt,
  NLMSG,
  SOCK_DIAG_BY_FAMILY,
  withSocket,
} from './sock-diag-socket.ts';

/** The request of before Linux 3.3, of all families at once: one walk through the listeners instead of two. */
const TCPDIAG_GETSOCK = 18;
const NLM_F_REQUEST_DUMP = 0x301;
const IPPROTO_UDP = 17;
const TCP_LISTEN = 1 << 10;
const ANY_STATE = 0xffff_ffff;
const INET_DIAG_REQ_BYTECODE = 1;
const INET_DIAG_BC = { localPortFrom: 2, localPortTo: 3 } as const;

/** struct inet_diag_req (with its states at the end), and struct inet_diag_req_v2 (with its states at the beginning). */
const TCP_REQUEST = { bytes: 60, states: 52 } as const;
const UDP_REQUEST = { bytes: 56, protocol: 1, states: 4 } as const;
/** The filter: an attribute of four struct inet_diag_bc_op. */
const FILTER_BYTES = 4 + 16;
/** The maximum that the kernel sends at a time: 32 KiB (netlink_dump, net/netlink/af_netlink.c). */
const BUFFER = Buffer.alloc(32_768);

/**
 * Reads the sockets that listen on (tcp) or are bound to (udp) ports of a range, IPv4 and IPv6 together. The kernel
 * filters, and does not walk its table of connections: on a large host that takes milliseconds, even if the table is
 * empty, and every read of /proc/net/tcp does so. If this host has no sock_diag, /proc/net is read.
 */
export function readPortRange(protocol: Protocol, range: PortRange): PortTable {
  const ports = new PortTable();
  const requests =
    protocol === 'tcp' ? [tcpRequest(range)] : [AF.inet, AF.inet6].map((family) => udpRequest(family, range));
  const isThere = withSocket((socket) => requests.map((request) => dump(socket, request, ports)));
  return isThere[0] ? ports : readPorts(protocol);
}

function tcpRequest(range: PortRange): Buffer {
  const bytes = request(TCPDIAG_GETSOCK, TCP_REQUEST.bytes, range);
  bytes.writeUInt32LE(TCP_LISTEN, HEADER + TCP_REQUEST.states);
  return bytes;
}

function udpRequest(family: number, range: PortRange): Buffer {
  const bytes = request(SOCK_DIAG_BY_FAMILY, UDP_REQUEST.bytes, range);
  bytes.writeUInt8(family, HEADER);
  bytes.writeUInt8(IPPROTO_UDP, HEADER + UDP_REQUEST.protocol);
  bytes.writeUInt32LE(ANY_STATE, HEADER + UDP_REQUEST.states);
  return bytes;
}

/** A header, room for a body, and the filter. */
function request(type: number, bodyBytes: number, { from, to }: PortRange): Buffer {
  const filter = HEADER + bodyBytes;
  const size = filter + FILTER_BYTES;
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(size, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  bytes.writeUInt16LE(FILTER_BYTES, filter);
  bytes.writeUInt16LE(INET_DIAG_REQ_BYTECODE, filter + 2);
  // Each comparison is two operations: the jumps on success and on failure, then the port. Beyond the end means no.
  const compare = (at: number, code: number, port: number) => {
    bytes.writeUInt8(code, at);
    bytes.writeUInt8(8, at + 1);
    bytes.writeUInt16LE(size - at + 4, at + 2);
    bytes.writeUInt16LE(port, at + 6);
  };
  compare(filter + 4, INET_DIAG_BC.localPortFrom, from);
  compare(filter + 12, INET_DIAG_BC.localPortTo, to);
  return bytes;
}

/** @returns false if the kernel has no such table */
function dump(fd: number, request: Buffer, ports: PortTable): boolean {
  check('write to netlink', Number(libc.write(fd, request, request.length)));
  for (;;) {
    const length = readSync(fd, BUFFER, 0, BUFFER.length, null);
    for (let at = 0; at < length; at += (BUFFER.readUInt32LE(at) + 3) & ~3) {
      const type = BUFFER.readUInt16LE(at + 4);
      if (type === NLMSG.done || type === NLMSG.error) return type === NLMSG.done;
      if (
        (type === SOCK_DIAG_BY_FAMILY || type === TCPDIAG_GETSOCK) &&
        BUFFER.readUInt32LE(at) >= ANSWER.size
      )
        ports.add(
          BUFFER.readUInt16BE(at + ANSWER.port),
          BUFFER.readUInt32LE(at + ANSWER.inode),
          addressAt(BUFFER, at),
          isIpv6OnlyAt(BUFFER, at),
        );
    }
  }
}
