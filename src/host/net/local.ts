import { bytesOf } from '../proc/address.ts';
import { libc } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';
import { AF } from './sock-diag-socket.ts';

const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
/** Bytes of struct sockaddr_in and sockaddr_in6 (netinet/in.h), and where the address begins in them. */
const SOCKADDR = { inet: { bytes: 16, address: 4 }, inet6: { bytes: 28, address: 8 } } as const;

/**
 * Whether a socket can be bound to an address: the kernel is asked by binding one, to a port of its choice. For IPv4 a
 * local route is enough (inet_addr_valid_or_nonlocal); IPv6 wants the address itself on an interface, or
 * net.ipv6.ip_nonlocal_bind (__inet6_bind).
 * @param address in canonical form
 */
export function isLocal(address: string): boolean {
  const kind = address.includes(':') ? 'inet6' : 'inet';
  const fd = Number(libc.socket(AF[kind], SOCK_DGRAM_CLOEXEC, 0));
  // A kernel without IPv6 has no address of it.
  if (fd < 0) return false;
  try {
    const { bytes, address: at } = SOCKADDR[kind];
    const name = Buffer.alloc(bytes);
    name.writeUInt16LE(AF[kind]);
    name.set(bytesOf(address), at);
    return Number(libc.bind(fd, name, bytes)) === 0;
  } finally {
    closeFd(fd);
  }
}
