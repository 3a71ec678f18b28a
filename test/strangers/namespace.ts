import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Ended, until, World } from '../e2e/harness.ts';

const INIT = fileURLToPath(new URL('./init.pl', import.meta.url));
const FLEETCTL = fileURLToPath(new URL('../../bin/fleetctl', import.meta.url));

/** Why pids cannot be reused on purpose here; null where they can. */
export const NO_REUSE = reasonAgainst();

/** A supervisor's world in a pid namespace of its own, in which anybody's pid can be given to a stranger. */
export class Namespace extends World {
  readonly #unshare: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  /** The pid that its first process has outside. */
  #init = '';

  /** @param options.cgroups false: there is no cgroup v2 tree, so that agents are told by their sessions */
  static async open(options: { cgroups: boolean }): Promise<Namespace> {
    const namespace = new Namespace(options);
    await namespace.harm();
    const { pid } = namespace.#unshare;
    namespace.#init = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return namespace;
  }

  private constructor({ cgroups }: { cgroups: boolean }) {
    super();
    const hide = cgroups ? '' : 'umount -l "$(findmnt -nt cgroup2 -o TARGET | head -n1)" && ';
    const script = `${hide}exec perl "$@"`;
    const inside = ['sh', '-c', script, 'sh', INIT, join(this.root, 'signals')];
    this.#unshare = spawn('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', ...inside], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface(this.#unshare.stdout!)[Symbol.asyncIterator]();
  }

  override fleetctl(...args: string[]): Promise<Ended> {
    const argv = ['--target', this.#init, '--pid', '--mount', `--wd=${this.root}`, FLEETCTL, ...args];
    return new Promise((resolve) => {
      execFile('nsenter', argv, { env: this.env, maxBuffer: 2 ** 28 }, (error, stdout, stderr) =>
        resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
      );
    });
  }

  /** Unknown: what its lock says is a pid in here, and outside that is somebody else's. */
  override supervisorPid(): null {
    return null;
  }

  /** @returns the pid that it had in here */
  async endSupervisor(): Promise<number> {
    const pid = Number(readFileSync(join(this.stateDir, 'fleetd.lock'), 'utf8'));
    await this.end([pid]);
    return pid;
  }

  /** Puts strangers at pids, once those are free. @returns how many got theirs; others had been given away meanwhile */
  async take(pids: readonly number[]): Promise<number> {
    return Number((await this.#ask(`take ${pids.join(' ')}`)).split(' ')[1]);
  }

  /** Kills processes, and waits until their pids are free. */
  async end(pids: readonly number[]): Promise<void> {
    await this.#ask(`end ${pids.join(' ')}`);
  }

  /** Every signal that a stranger got, and every stranger that did not end by itself. */
  async harm(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.#ask('report'); line !== 'done'; line = await this.#next()) lines.push(line);
    return lines;
  }

  /** Lets all strangers end. */
  async leave(): Promise<void> {
    await this.#ask('leave');
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    this.#unshare.stdin!.end();
    await until(() => this.#unshare.exitCode !== null || this.#unshare.signalCode !== null);
  }

  #ask(line: string): Promise<string> {
    this.#unshare.stdin!.write(`${line}\n`);
    return this.#next();
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the first process of the namespace has ended');
    return value as string;
  }
}

function reasonAgainst(): string | null {
  if (process.getuid!() !== 0) return 'only root may choose pids';
  if (!existsSync('/proc/sys/kernel/ns_last_pid')) return 'this kernel lets nobody choose pids';
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'perl', '-e', '1'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'no pid namespace can be made here, or there is no perl';
  }
}
