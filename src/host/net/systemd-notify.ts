import { check, libc } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';
import { AF_UNIX, SOCK, unixAddress } from './socket-address.ts';

/**
 * Sends a message to the service manager, as sd_notify(3) does: one datagram of VARIABLE=VALUE lines.
 * @param path the value of NOTIFY_SOCKET; one that begins with @ is in the abstract namespace
 * @throws SystemCallError if nothing receives it
 */
export function sendNotification(path: string, message: string): void {
  // Not blocking: a service manager that does not read must not stop us.
  const fd = check('socket', libc.socket(AF_UNIX, SOCK.datagram | SOCK.nonblock | SOCK.cloexec, 0));
  try {
    const target = unixAddress(path);
    check(`connect ${path}`, libc.connect(fd, target, target.length));
    const data = Buffer.from(message);
    check(`write ${path}`, Number(libc.write(fd, data, data.length)));
  } finally {
    closeFd(fd);
  }
}
