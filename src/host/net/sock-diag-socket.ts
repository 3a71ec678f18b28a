import { type KernelAddress, kernelWord } from '../proc/address.ts';
import { check, libc } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';

/** From sock_diag(7), linux/netlink.h and linux/inet_diag.h; the same on all architectures. */
export const AF = { netlink: 16, inet: 2, inet6: 10 } as const;
export const SOCK_DIAG_BY_FAMILY = 20;
export const NLMSG = { error: 2, done: 3 } as const;
/** Bytes of struct nlmsghdr. */
export const HEADER = 16;
/** Offsets in struct inet_diag_msg, from the header of its message. */
export const ANSWER = { family: 16, port: 16 + 4, address: 16 + 8, inode: 16 + 68, size: 16 + 72 } as const;

/** The local address in the message at an offset, as in /proc/net: word by word, in the byte order of the host. */
export function addressAt(buffer: Buffer, at: number): KernelAddress {
  const words = buffer.readUInt8(at + ANSWER.family) === AF.inet6 ? 4 : 1;
  let text = '';
  for (let i = 0; i < words; i++) text += kernelWord(buffer.readUInt32LE(at + ANSWER.address + 4 * i));
  return text;
}

/** Whether the socket in the message takes IPv6 alone: the kernel says so of all that listen (inet_diag_msg_attrs_fill). */
export function isIpv6OnlyAt(buffer: Buffer, at: number): boolean {
  const end = at + buffer.readUInt32LE(at);
  for (let attribute = at + ANSWER.size; attribute + ATTRIBUTE_HEADER < end; ) {
    const length = buffer.readUInt16LE(attribute);
    if (length < ATTRIBUTE_HEADER) return false;
    if (buffer.readUInt16LE(attribute + 2) === INET_DIAG_SKV6ONLY)
      return buffer.readUInt8(attribute + ATTRIBUTE_HEADER) === 1;
    attribute += (length + 3) & ~3;
  }
  return false;
}

/** Bytes of struct nlattr: its length, and its type. */
const ATTRIBUTE_HEADER = 4;
const INET_DIAG_SKV6ONLY = 11;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_SOCK_DIAG = 4;

let socket: number | null = null;

/** Uses the one socket of sock_diag. `use` reads all answers; where it fails, the socket goes, with what is left in it. */
export function withSocket<T>(use: (socket: number) => T): T {
  socket ??= check('socket', libc.socket(AF.netlink, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG));
  try {
    return use(socket);
  } catch (error) {
    closeFd(socket);
    socket = null;
    throw error;
  }
}
