/** Socket numbers of Linux (asm-generic, the same on x86-64 and arm64). */
export const AF_UNIX = 1;
export const SOCK = { stream: 1, datagram: 2, nonblock: 0o4000, cloexec: 0o2000000 } as const;

/**
 * struct sockaddr_un (unix(7)). A path has at most 107 bytes: for a longer one the kernel returns EINVAL.
 * @param path one that begins with @ is in the abstract namespace: its name begins with NUL, and its length counts
 */
export function unixAddress(path: string): Buffer {
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`;
  return Buffer.concat([family, Buffer.from(name)]);
}
