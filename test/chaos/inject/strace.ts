import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What strace is to do to a process: which calls, on which file alone (null: on any), and what becomes of them. */
export interface Injection {
  calls: readonly string[];
  path: string | null;
  /** As strace takes it: `error=EIO:when=2+3`, `delay_enter=2000000`. */
  action: string;
}

/** Describes an injection for whoever reads of it. */
export function describe({ calls, path, action }: Injection): string {
  return `${calls.join(',')}:${action}${path === null ? '' : ` on ${path}`}`;
}

/** An injection that lasts until it is ended. */
export class Injecting {
  readonly #strace: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
    this.#ended = once(strace, 'exit');
  }

  /** Attaches to all threads of a process, and to what they fork from then on. */
  static async begin(pid: number, { calls, path, action }: Injection): Promise<Injecting> {
    const list = calls.join(',');
    const where = path === null ? [] : ['-P', path];
    const args = ['-f', '-o', '/dev/null', ...where, '-e', `trace=${list}`, '-e', `inject=${list}:${action}`];
    const strace = spawn('strace', [...args, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
    const injecting = new Injecting(strace);
    const lines = createInterface(strace.stderr!);
    // It says so on stderr once it is attached; where the process is gone it says something else, and ends.
    await Promise.race([once(lines, 'line'), injecting.#ended]);
    strace.stderr!.resume();
    return injecting;
  }

  /** Lets the process go, and waits for that. */
  async end(): Promise<void> {
    if (this.#strace.exitCode === null && this.#strace.signalCode === null) this.#strace.kill('SIGTERM');
    await this.#ended;
  }
}
