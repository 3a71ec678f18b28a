import { type ProcessExit, signalPidfd } from '../sys/pidfd.ts';
import { exitInside } from './sandbox.ts';

/** bubblewrap ends at once when the agent has; only one that was stopped does not. */
const PATIENCE_MS = 1_000;
/** A kill waits so long for the main process; a sandbox is made in some milliseconds, unless bubblewrap hangs. */
const ENTRY_MS = 5_000;

/**
 * bubblewrap in front of an agent: a process of the slot that passes on no signals, is the parent of the main process,
 * and exits as that one has.
 */
export class Guard {
  readonly pid: number;
  /** The number of its launch; null if an earlier supervisor has started it. */
  readonly launch: number | null;
  /** The main process; null until it is in the sandbox. */
  inside: number | null = null;
  readonly #pidfd: number;
  readonly #end = Promise.withResolvers<ProcessExit | null>();
  #hasEnded = false;
  /** Signals for the main process that came before it was known. */
  #postponed: string[] = [];

  constructor({ pid, pidfd }: { pid: number; pidfd: number }, launch: number | null) {
    this.pid = pid;
    this.#pidfd = pidfd;
    this.launch = launch;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Keeps a signal until the main process is known. Without cgroups that is so for SIGKILL as well: without its parent,
   * the main process could not be found any more.
   */
  postpone(signal: string): void {
    this.#postponed.push(signal);
    if (signal === 'SIGKILL') setTimeout(() => this.inside ?? this.#giveUp(), ENTRY_MS).unref();
  }

  /** The signals that were postponed, for the main process. */
  takePostponed(): string[] {
    return this.#postponed.splice(0);
  }

  /** It has ended, and its pidfd is closed. @param exit null if it was not our child */
  ended(exit: ProcessExit | null): void {
    this.#hasEnded = true;
    this.#end.resolve(exit);
  }

  /**
   * How the main process has ended, once that is known to have ended.
   * @param isKilled whether everything in the slot was killed, and so this process as well
   * @returns null if it is unknown
   */
  async exitOfMain(isKilled: () => boolean): Promise<ProcessExit | null> {
    const timer = setTimeout(() => this.#giveUp(), PATIENCE_MS);
    const exit = await this.#end.promise;
    clearTimeout(timer);
    if (exit === null) return null;
    if (exit.signal !== null) return isKilled() ? exit : null;
    return exitInside(exit);
  }

  #giveUp(): void {
    if (!this.#hasEnded) signalPidfd(this.#pidfd, 'SIGKILL');
  }
}
