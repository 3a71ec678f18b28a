import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { O_PATH } from '../sys/bounded.ts';
import { check, lastError, libc } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';
import { type Result, refusal, success } from '../sys/result.ts';
import { AF_UNIX, SOCK, unixAddress } from './socket-address.ts';

/** Numbers of socket options of Linux (asm-generic). */
const SOL_SOCKET = 1;
const SO = { passcred: 16, peercred: 17, sndtimeo: 21 } as const;
const MSG_DONTWAIT = 0x40;
const SCM_CREDENTIALS = 2;

/** Why a path cannot be connected to: the name of an errno. */
export class SocketRefusal extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = 'SocketRefusal';
    this.code = code;
  }
}

/**
 * Names the present socket at a path so that nothing else can take its place. Agents own the directories of their
 * sockets, and could lead a connect of the supervisor to another one: only a socket is named.
 * @returns a refusal if there is none: ENOENT, ELOOP (a symbolic link), ECONNREFUSED (anything else, as connect(2) does)
 */
export function pinSocket(path: string): Result<{ path: string; unpin: () => void }, SocketRefusal> {
  try {
    const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
    const unpin = () => closeSync(fd);
    const stats = fstatSync(fd);
    if (stats.isSocket()) return success({ path: `/proc/self/fd/${fd}`, unpin });
    unpin();
    return refusal(new SocketRefusal(stats.isSymbolicLink() ? 'ELOOP' : 'ECONNREFUSED'));
  } catch (error) {
    return refusal(new SocketRefusal((error as NodeJS.ErrnoException).code ?? 'EIO'));
  }
}

/**
 * Connects to a stream socket and closes it again, without waiting: a connect that the kernel queues has succeeded.
 * Six system calls, so that thousands of sockets can be checked.
 * @returns the pid of the listener, or why nothing accepts (an errno, ECONNREFUSED …)
 */
export function findListener(path: string): Result<number, SocketRefusal> {
  const file = pinSocket(path);
  if (!file.ok) return file;
  try {
    return listenerAt(file.value.path);
  } finally {
    file.value.unpin();
  }
}

function listenerAt(path: string): Result<number, SocketRefusal> {
  const fd = check('socket', libc.socket(AF_UNIX, SOCK.stream | SOCK.nonblock | SOCK.cloexec, 0));
  try {
    const target = unixAddress(path);
    if (libc.connect(fd, target, target.length) < 0) return refusal(new SocketRefusal(lastError()));
    const credentials = Buffer.alloc(12);
    const length = Buffer.from(new Uint32Array([credentials.length]).buffer);
    check('getsockopt', libc.getsockopt(fd, SOL_SOCKET, SO.peercred, credentials, length));
    return success(credentials.readInt32LE(0));
  } finally {
    closeFd(fd);
  }
}

/** The socket at which journald takes the output of services (sd-journal's native stream, systemd-journald.service(8)). */
const JOURNAL_SOCKET = '/run/systemd/journal/stdout';
const JOURNAL_PRIORITY_INFO = 6;
const JOURNAL_TIMEOUT_S = 1;

/**
 * Opens a stream to journald under an identifier, for the output of one agent.
 * @throws SystemCallError if journald does not answer
 */
export function openJournal(identifier: string, path = JOURNAL_SOCKET): number {
  const fd = check('socket', libc.socket(AF_UNIX, SOCK.stream | SOCK.cloexec, 0));
  try {
    setTimeoutSeconds(fd, JOURNAL_TIMEOUT_S);
    const target = unixAddress(path);
    check(`connect ${path}`, libc.connect(fd, target, target.length));
    // identifier, unit, priority, whether lines carry a <priority>, forward to syslog, kmsg, console
    const header = Buffer.from(`${identifier}\n\n${JOURNAL_PRIORITY_INFO}\n1\n0\n0\n0\n`);
    check(`write ${path}`, Number(libc.write(fd, header, header.length)));
    setTimeoutSeconds(fd, 0);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function setTimeoutSeconds(fd: number, seconds: number): void {
  const value = Buffer.from(new BigInt64Array([BigInt(seconds), 0n]).buffer);
  check('setsockopt', libc.setsockopt(fd, SOL_SOCKET, SO.sndtimeo, value, value.length));
}

/** A message that an agent sent by sd_notify(3), and the pid that the kernel vouches for. */
export interface Datagram {
  pid: number;
  text: string;
}

/** Offsets within the one buffer of a receiver: C needs them at fixed addresses, so they share an allocation. */
const AT = { header: 0, vector: 64, control: 96, data: 128 } as const;
const DATA_MAX = 4096;
/** Room for the credentials and nothing else, so that attached descriptors are dropped. */
const CONTROL_SIZE = 32;

/** The one datagram socket that all agents of `ready: notify` write to. */
export class NotifySocket {
  readonly fd: number;
  readonly #buffer = Buffer.alloc(AT.data + DATA_MAX);

  /** Binds at `path`, which must be free. @throws SystemCallError */
  constructor(path: string) {
    this.fd = check('socket', libc.socket(AF_UNIX, SOCK.datagram | SOCK.nonblock | SOCK.cloexec, 0));
    const target = unixAddress(path);
    const on = Buffer.from([1, 0, 0, 0]);
    try {
      check('setsockopt', libc.setsockopt(this.fd, SOL_SOCKET, SO.passcred, on, on.length));
      check(`bind ${path}`, libc.bind(this.fd, target, target.length));
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** The next waiting datagram; null if there is none. */
  receive(): Datagram | null {
    const buffer = this.#buffer;
    const base = BigInt(koffi.address(buffer));
    // struct iovec { data, length }; struct msghdr { name, nameLength, vector, vectors, control, controlLength, flags }
    buffer.writeBigUInt64LE(base + BigInt(AT.data), AT.vector);
    buffer.writeBigUInt64LE(BigInt(DATA_MAX), AT.vector + 8);
    buffer.fill(0, AT.header, AT.vector);
    buffer.writeBigUInt64LE(base + BigInt(AT.vector), AT.header + 16);
    buffer.writeBigUInt64LE(1n, AT.header + 24);
    buffer.writeBigUInt64LE(base + BigInt(AT.control), AT.header + 32);
    buffer.writeBigUInt64LE(BigInt(CONTROL_SIZE), AT.header + 40);
    const length = Number(libc.recvmsg(this.fd, buffer, MSG_DONTWAIT));
    if (length < 0) {
      const code = lastError();
      if (code === 'EAGAIN' || code === 'EINTR') return null;
      throw new Error(`recvmsg: ${code}`);
    }
    // struct cmsghdr { length, level, type } and struct ucred { pid, uid, gid }
    const isCredentials = buffer.readInt32LE(AT.control + 12) === SCM_CREDENTIALS;
    return {
      pid: isCredentials ? buffer.readInt32LE(AT.control + 16) : 0,
      text: buffer.toString('utf8', AT.data, AT.data + length),
    };
  }

  close(): void {
    closeFd(this.fd);
  }
}

/** Whether there is a journald to write to. */
export function journalIsThere(path = JOURNAL_SOCKET): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
