import { constants, readSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { AF_UNIX, SOCK } from '../net/socket-address.ts';
import { check, libc, SIZE, SystemCallError } from '../sys/libc.ts';
import { closeFd, reapPid } from '../sys/pidfd.ts';
import { FD } from './calls.ts';
import { type Architecture, launcherImage } from './image.ts';
import { memoryFile, raised } from './memory-file.ts';
import { STEP_BYTES, TABLE } from './script.ts';

const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
/** Where the launcher's own file is while it is executed; closed by then. */
const IMAGE_FD = FD.first + 1;
const LAUNCHER_PATH = `/proc/self/fd/${IMAGE_FD}`;
const LAUNCHER_WORDS = ['fleetd-launcher', null];
/** The shared page: the pid of the last child, and its launch; what recvmsg(2) is called with, at the offsets in x64.S. */
const PAGE = { bytes: 4096, child: 0, launch: 8, message: 64, vector: 128, control: 192 } as const;
const CONTROL_BYTES = 24;
/** The address of orders (script.ts). */
const ORDERS_AT = 0x10000000n;
const SOL_SOCKET = 1;
const SO = { receiveTimeout: 20, sendTimeout: 21 } as const;
const SCM_RIGHTS = 1;
const SILENT = new Set(['ECONNRESET', 'EAGAIN']);

/** One running launcher: the process that forks, and the socket over which it takes orders. */
export class LauncherProcess {
  readonly pid: number;
  readonly #socket: number;
  readonly #page: number;
  readonly #last = Buffer.alloc(PAGE.message);

  /**
   * @param reportFd where its children report
   * @param patienceMs how long it may take to read an order, or to answer
   * @throws SystemCallError of posix_spawn, or of what the launcher needs
   */
  constructor(reportFd: number, patienceMs: number) {
    const open: number[] = [];
    const keep = (fd: number): number => {
      open.push(fd);
      return fd;
    };
    const kept: number[] = [];
    try {
      const [own, theirs] = socketPair();
      this.#socket = keep(own);
      keep(theirs);
      setPatience(own, patienceMs);
      this.#page = keep(memoryFile('fleetd-launcher-page', firstPage(), 'data'));
      const image = keep(
        memoryFile('fleetd-launcher', launcherImage(process.arch as Architecture), 'executable'),
      );
      this.pid = startLauncher({ image, theirs, page: this.#page, reportFd });
      kept.push(this.#socket, this.#page);
    } finally {
      for (const fd of open) if (!kept.includes(fd)) closeFd(fd);
    }
  }

  /** Sends an order. @throws Error EPIPE if the launcher has ended, EAGAIN if it reads nothing */
  send(order: Buffer): void {
    for (let at = 0; at < order.length; ) at += uninterrupted(() => writeSync(this.#socket, order, at));
  }

  /** Sends one order with a descriptor, which its child has as FD.first. @throws SystemCallError */
  sendWith(order: Buffer, fd: number): void {
    // The descriptor goes with the head, which a recvmsg of its own reads.
    sendDescriptor(this.#socket, order.subarray(0, STEP_BYTES), fd);
    this.send(order.subarray(STEP_BYTES));
  }

  /** Waits for answers. @returns the bytes read; 0 if the launcher has ended, or does not answer */
  receive(buffer: Buffer, from: number): number {
    try {
      return uninterrupted(() => readSync(this.#socket, buffer, from, buffer.length - from, null));
    } catch (error) {
      if (SILENT.has((error as NodeJS.ErrnoException).code ?? '')) return 0;
      throw error;
    }
  }

  /** Ends it, whatever it does. Its children go on. */
  close(): void {
    process.kill(this.pid, 'SIGKILL');
    reapPid(this.pid);
    readSync(this.#page, this.#last, 0, this.#last.length, PAGE.child);
    closeFd(this.#socket);
    closeFd(this.#page);
  }

  /** After its end: the child of the last launch that it has begun; null if that is another one, or has no child. */
  childOf(launch: number): number | null {
    const isLast = Number(this.#last.readBigUInt64LE(PAGE.launch)) === launch;
    return (isLast && this.#last.readInt32LE(PAGE.child)) || null;
  }
}

/** The shared page at first: struct msghdr, struct iovec and room for one descriptor, at addresses of the launcher. */
export function firstPage(): Buffer {
  const page = Buffer.alloc(PAGE.bytes);
  const base = BigInt(TABLE);
  writeMessage(page, PAGE.message, {
    vector: base + BigInt(PAGE.vector),
    control: base + BigInt(PAGE.control),
    controlBytes: CONTROL_BYTES,
  });
  page.writeBigUInt64LE(ORDERS_AT, PAGE.vector);
  page.writeBigUInt64LE(BigInt(STEP_BYTES), PAGE.vector + 8);
  return page;
}

/** struct msghdr { name, nameLength, vector, vectors, control, controlLength, flags } of one vector. */
function writeMessage(
  buffer: Buffer,
  at: number,
  { vector, control, controlBytes }: { vector: bigint; control: bigint; controlBytes: number },
): void {
  buffer.writeBigUInt64LE(vector, at + 16);
  buffer.writeBigUInt64LE(1n, at + 24);
  buffer.writeBigUInt64LE(control, at + 32);
  buffer.writeBigUInt64LE(BigInt(controlBytes), at + 40);
}

function sendDescriptor(socket: number, data: Buffer, fd: number): void {
  const at = { message: 0, vector: 64, control: 96, data: 128 } as const;
  const buffer = Buffer.alloc(at.data + data.length);
  const base = BigInt(koffi.address(buffer));
  data.copy(buffer, at.data);
  writeMessage(buffer, at.message, {
    vector: base + BigInt(at.vector),
    control: base + BigInt(at.control),
    controlBytes: CONTROL_BYTES,
  });
  buffer.writeBigUInt64LE(base + BigInt(at.data), at.vector);
  buffer.writeBigUInt64LE(BigInt(data.length), at.vector + 8);
  // struct cmsghdr { length, level, type }, and the descriptor.
  buffer.writeBigUInt64LE(20n, at.control);
  buffer.writeInt32LE(SOL_SOCKET, at.control + 8);
  buffer.writeInt32LE(SCM_RIGHTS, at.control + 12);
  buffer.writeInt32LE(fd, at.control + 16);
  uninterrupted(() => check('sendmsg', Number(libc.sendmsg(socket, buffer, 0))));
}

/** Two ends of a stream, above the descriptors that file actions write to. */
function socketPair(): [number, number] {
  const ends = new Int32Array(2);
  check('socketpair', libc.socketpair(AF_UNIX, SOCK.stream | SOCK.cloexec, 0, ends));
  return [raised(ends[0]!), raised(ends[1]!)];
}

/** A call on a socket with a timeout is not resumed by the kernel after a signal, such as SIGCHLD (signal(7)). */
function uninterrupted(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error;
    }
  }
}

/** struct timeval; the call fails with EAGAIN then (SO_RCVTIMEO in socket(7)). */
function setPatience(socket: number, ms: number): void {
  const time = Buffer.from(
    new BigInt64Array([BigInt(Math.floor(ms / 1_000)), BigInt((ms % 1_000) * 1_000)]).buffer,
  );
  for (const option of Object.values(SO))
    check('setsockopt', libc.setsockopt(socket, SOL_SOCKET, option, time, time.length));
}

/** In a session of its own, by which its children are recognised, with default signals and an empty mask. */
function startLauncher(fds: { image: number; theirs: number; page: number; reportFd: number }): number {
  const attributes = Buffer.alloc(SIZE.spawnAttributes);
  const actions = Buffer.alloc(SIZE.fileActions);
  const pid = Buffer.alloc(4);
  libc.attributesInit(attributes);
  libc.attributesFlags(attributes, SETSIGDEF | SETSIGMASK | SETSID);
  libc.attributesMask(attributes, Buffer.alloc(SIZE.signalSet));
  libc.attributesDefault(attributes, Buffer.alloc(SIZE.signalSet, 0xff));
  libc.actionsInit(actions);
  try {
    for (const fd of [0, 1, 2])
      libc.actionsOpen(actions, fd, '/dev/null', fd === 0 ? constants.O_RDONLY : constants.O_WRONLY, 0);
    libc.actionsDup2(actions, fds.reportFd, FD.report);
    libc.actionsDup2(actions, fds.theirs, FD.orders);
    libc.actionsDup2(actions, fds.page, FD.table);
    libc.actionsDup2(actions, fds.image, IMAGE_FD);
    libc.actionsChdir(actions, '/');
    libc.actionsCloseFrom(actions, IMAGE_FD + 1);
    const errno = libc.posix_spawn(pid, LAUNCHER_PATH, actions, attributes, LAUNCHER_WORDS, [null]);
    if (errno !== 0) throw new SystemCallError('posix_spawn', errno);
    return pid.readInt32LE(0);
  } finally {
    libc.actionsDestroy(actions);
  }
}
