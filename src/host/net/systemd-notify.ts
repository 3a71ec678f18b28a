import { check, libc } from '../libc.ts';
import { closeFd } from '../process/pidfd.ts';

const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC (asm-generic): a service manager that does not read must not stop us. */
const SOCKET_TYPE = 2 | 0o4000 | 0o2000000;

/**
 * Sends a message to the service manager, as sd_notify(3) does: one datagram of VARIABLE=VALUE lines.
 * @param path the value of NOTIFY_SOCKET; one that begins with @ is in the abstract namespace
 * @throws SystemCallError where nobody takes it
 */
export function sendNotification(path: string, message: string): void {
  const fd = check('socket', libc.socket(AF_UNIX, SOCKET_TYPE, 0));
  try {
    const target = notifyAddress(path);
    check(`connect ${path}`, libc.connect(fd, target, target.length));
    const data = Buffer.from(message);
    check(`write ${path}`, Number(libc.write(fd, data, data.length)));
  } finally {
    closeFd(fd);
  }
}

/** struct sockaddr_un; an abstract name begins with NUL, and its length counts (unix(7)). */
function notifyAddress(path: string): Buffer {
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return path.startsWith('@')
    ? Buffer.concat([family, Buffer.from(`\0${path.slice(1)}`)])
    : Buffer.concat([family, Buffer.from(`${path}\0`)]);
}
