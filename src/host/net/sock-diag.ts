import { readSync } from 'node:fs';
import { readPorts } from '../proc/net.ts';
import { type PortRange, PortTable, type Protocol } from '../proc/port-table.ts';
import { check, libc } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';

/** From sock_diag(7), linux/netlink.h and linux/inet_diag.h; the same on all architectures. */
const AF_NETLINK = 16;
const FAMILIES = [2, 10] as const;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const NLMSG = { error: 2, done: 3 } as const;
const IPPROTO = { tcp: 6, udp: 17 } as const;
const TCP_LISTEN = 1 << 10;
const INET_DIAG_REQ_BYTECODE = 1;
const INET_DIAG_BC = { localPortFrom: 2, localPortTo: 3 } as const;

/** struct nlmsghdr, struct inet_diag_req_v2, and the filter as an attribute of four struct inet_diag_bc_op. */
const REQUEST = { header: 16, diag: 16 + 56, attribute: 16 + 56 + 4, size: 16 + 56 + 4 + 16 } as const;
/** The offsets of the local port and the inode in struct inet_diag_msg, from the header of its message. */
const ANSWER = { family: 16, port: 16 + 4, address: 16 + 8, inode: 16 + 68, size: 16 + 72 } as const;
const AF_INET6 = 10;
/** The maximum that the kernel sends at a time: 32 KiB (netlink_dump, net/netlink/af_netlink.c). */
const BUFFER = Buffer.alloc(32_768);

/**
 * Reads the sockets that listen on (tcp) or are bound to (udp) ports of a range, IPv4 and IPv6 together. The kernel
 * filters, and does not walk its table of connections: on a large host that takes milliseconds, even if the table is
 * empty, and every read of /proc/net/tcp does so. If this host has no sock_diag, /proc/net is read.
 */
export function readPortRange(protocol: Protocol, range: PortRange): PortTable {
  const ports = new PortTable();
  const fd = check('socket', libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG));
  try {
    const isThere = FAMILIES.map((family) => dump(fd, request(family, protocol, range), ports));
    return isThere[0] ? ports : readPorts(protocol);
  } finally {
    closeFd(fd);
  }
}

function request(family: number, protocol: Protocol, { from, to }: PortRange): Buffer {
  const bytes = Buffer.alloc(REQUEST.size);
  bytes.writeUInt32LE(REQUEST.size, 0);
  bytes.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  bytes.writeUInt8(family, REQUEST.header);
  bytes.writeUInt8(IPPROTO[protocol], REQUEST.header + 1);
  bytes.writeUInt32LE(protocol === 'tcp' ? TCP_LISTEN : 0xffff_ffff, REQUEST.header + 4);
  bytes.writeUInt16LE(REQUEST.size - REQUEST.diag, REQUEST.diag);
  bytes.writeUInt16LE(INET_DIAG_REQ_BYTECODE, REQUEST.diag + 2);
  // Each comparison is two operations: the jumps on success and on failure, then the port. Beyond the end means no.
  const compare = (at: number, code: number, port: number) => {
    bytes.writeUInt8(code, at);
    bytes.writeUInt8(8, at + 1);
    bytes.writeUInt16LE(REQUEST.size - at + 4, at + 2);
    bytes.writeUInt16LE(port, at + 6);
  };
  compare(REQUEST.attribute, INET_DIAG_BC.localPortFrom, from);
  compare(REQUEST.attribute + 8, INET_DIAG_BC.localPortTo, to);
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
      if (type === SOCK_DIAG_BY_FAMILY && BUFFER.readUInt32LE(at) >= ANSWER.size)
        ports.add(
          BUFFER.readUInt16BE(at + ANSWER.port),
          BUFFER.readUInt32LE(at + ANSWER.inode),
          addressIn(at),
        );
    }
  }
}

/** As in /proc/net: word by word, in the byte order of the host. */
function addressIn(at: number): string {
  const words = BUFFER.readUInt8(at + ANSWER.family) === AF_INET6 ? 4 : 1;
  const word = (i: number) => BUFFER.readUInt32LE(at + ANSWER.address + 4 * i);
  return Array.from({ length: words }, (_, i) => word(i).toString(16).toUpperCase().padStart(8, '0')).join(
    '',
  );
}
