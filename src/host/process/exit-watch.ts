import { closeFd, openPidfd, orKill, type ProcessExit, reapPidfd } from '../sys/pidfd.ts';
import { EpollSet } from './epoll.ts';

/** Called at the end of a watched process, which must be reaped once. */
export type OnEnd = (reap: () => ProcessExit | null) => void;

/** A process to watch: its pid, and the pidfd that stands for it. */
export interface Watched {
  pid: number;
  pidfd: number;
}

/** Waits, at no cost while nothing happens, for processes to end and for sockets that libuv does not know. */
export class ExitWatch {
  readonly #epoll = new EpollSet();
  /** Processes by their pidfd. */
  readonly #processes = new Map<number, { pid: number; onEnd: OnEnd }>();
  /** Their pids. */
  readonly #pids = new Set<number>();
  readonly #readers = new Map<number, () => void>();
  readonly #running: Promise<void>;
  /** Called with failures of callbacks. */
  onProblem: (error: Error) => void = () => {};

  constructor() {
    this.#running = this.#epoll.run((fds) => this.#onReadable(fds));
  }

  /** Calls back when a process has ended. Its pidfd is closed once it is reaped. */
  watch({ pid, pidfd }: Watched, onEnd: OnEnd): void {
    this.#epoll.add(pidfd);
    this.#processes.set(pidfd, { pid, onEnd });
    this.#pids.add(pid);
  }

  /** Whether a process that has ended, and is not reaped yet, is reaped here. */
  reaps(pid: number): boolean {
    return this.#pids.has(pid);
  }

  /** Calls back whenever a descriptor is readable. */
  watchReadable(fd: number, onReadable: () => void): void {
    this.#epoll.add(fd);
    this.#readers.set(fd, onReadable);
  }

  async close(): Promise<void> {
    this.#epoll.close();
    await this.#running;
  }

  #onReadable(fds: number[]): void {
    for (const fd of fds) {
      try {
        const read = this.#readers.get(fd);
        if (read) read();
        else this.#end(fd);
      } catch (error) {
        this.onProblem(error as Error);
      }
    }
  }

  #end(pidfd: number): void {
    const watched = this.#processes.get(pidfd);
    this.#processes.delete(pidfd);
    this.#epoll.remove(pidfd);
    if (!watched) return;
    this.#pids.delete(watched.pid);
    watched.onEnd(() => {
      const status = reapPidfd(pidfd);
      closeFd(pidfd);
      return status;
    });
  }
}

/**
 * Opens a pidfd of a child that was just started, and passes it on. A child that cannot be kept (no descriptor left) is
 * killed.
 * @throws the reason why it could not be kept
 */
export function keepOrKill(pid: number, keep: (pidfd: number) => void): void {
  orKill(pid, () => {
    const pidfd = openPidfd(pid)!;
    try {
      keep(pidfd);
    } catch (error) {
      closeFd(pidfd);
      throw error;
    }
  });
}
