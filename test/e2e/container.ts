import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until, World } from './harness.ts';

const FLEETD = fileURLToPath(new URL('../../bin/fleetd', import.meta.url));
/** What makes the program that follows PID 1. */
export const UNSHARE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];

/** How a container ended: the exit code of its PID 1, and what that wrote to its standard error. */
export interface ContainerEnd {
  code: number | null;
  stderr: string;
}

/** A world whose supervisor is PID 1 of a pid namespace; it can be run again on the same directories. */
export class Container extends World {
  #process: ChildProcess | null = null;
  #end: Promise<ContainerEnd> | null = null;
  /** What standard error has said so far. */
  stderr = '';

  /** Starts PID 1, and waits until it serves. @param words what makes it PID 1 */
  async boot(words: readonly string[] = UNSHARE): Promise<void> {
    const [program, ...rest] = [...words, FLEETD];
    const child = spawn(program!, rest, { env: this.env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    this.stderr = '';
    child.stderr.on('data', (data) => (this.stderr += data));
    this.#end = new Promise((resolve) => {
      child.on('close', (code) => resolve({ code, stderr: this.stderr }));
    });
    await until(() => this.isServed());
  }

  /** The pid that PID 1 has outside. */
  get init(): number {
    const { pid } = this.#process!;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
  }

  /** Sends PID 1 a signal. @returns false if it has ended */
  signal(signal: NodeJS.Signals): boolean {
    try {
      return process.kill(this.init, signal);
    } catch {
      return false;
    }
  }

  /** Tells whoever runs the container to stop it. */
  stop(): void {
    this.#process!.kill('SIGTERM');
  }

  /** The end of the container. */
  ended(): Promise<ContainerEnd> {
    return this.#end!;
  }

  /** The pid that the process that forks for the supervisor has outside. */
  get launcher(): number {
    const isLauncher = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'utf8') === 'fleetd-launcher\0';
    return Number(this.#children().find(isLauncher));
  }

  /** Processes of the container that have ended, and that nobody has reaped. */
  zombies(): number {
    return this.#children().filter((pid) => stateOf(pid) === 'Z').length;
  }

  #children(): string[] {
    const { init } = this;
    return readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').split(' ').filter(Boolean);
  }

  /** Unknown: what its lock says is a pid in there, and outside that is somebody else's. */
  override supervisorPid(): null {
    return null;
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#end;
  }
}

function stateOf(pid: string): string {
  try {
    return /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1]!;
  } catch {
    return '';
  }
}
