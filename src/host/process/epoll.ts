import { callAsync, check, libc } from '../sys/libc.ts';
import { closeFd } from '../sys/pidfd.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EFD_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const CTL = { add: 1, delete: 2 } as const;
const EPOLLIN = 1;
/** Few at a time, so that signals and starts that are due are not kept waiting by the ends that they cause. */
const EVENTS_MAX = 128;
/** struct epoll_event is packed on x86-64 only (epoll_ctl(2), bits/epoll.h). */
const EVENT = process.arch === 'x64' ? { size: 12, data: 4 } : { size: 16, data: 8 };

/**
 * One epoll set for everything that libuv does not watch: pidfds and the notify socket. A single asynchronous call waits
 * on a thread of libuv's pool, so an idle fleet costs nothing, and an exit costs the same in a fleet of any size.
 */
export class EpollSet {
  readonly #epoll = check('epoll_create1', libc.epollCreate(EPOLL_CLOEXEC));
  readonly #waker = check('eventfd', libc.eventfd(0, EFD_CLOEXEC_NONBLOCK));
  readonly #events = Buffer.alloc(EVENTS_MAX * EVENT.size);
  #closing = false;

  constructor() {
    this.add(this.#waker);
  }

  /** Watches a descriptor until it is removed; it is reported as long as it is readable (level-triggered). */
  add(fd: number): void {
    const event = Buffer.alloc(EVENT.size);
    event.writeUInt32LE(EPOLLIN, 0);
    event.writeUInt32LE(fd, EVENT.data);
    check('epoll_ctl', libc.epollControl(this.#epoll, CTL.add, fd, event));
  }

  /** Stops watching a descriptor. */
  remove(fd: number): void {
    check('epoll_ctl', libc.epollControl(this.#epoll, CTL.delete, fd, null));
  }

  /** Calls back with the readable descriptors of each wake, until closed. Resolves after close(). */
  async run(onReadable: (fds: number[]) => void): Promise<void> {
    while (!this.#closing) {
      const count = await callAsync(libc.epollWait, this.#epoll, this.#events, EVENTS_MAX, -1);
      const fds: number[] = [];
      for (let i = 0; i < count; i++) {
        const fd = this.#events.readUInt32LE(i * EVENT.size + EVENT.data);
        if (fd !== this.#waker) fds.push(fd);
      }
      if (fds.length > 0 && !this.#closing) onReadable(fds);
    }
    closeFd(this.#epoll);
    closeFd(this.#waker);
  }

  /** Ends run(): without this the thread in epoll_wait would keep the process from exiting. */
  close(): void {
    this.#closing = true;
    libc.write(this.#waker, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), 8);
  }
}
