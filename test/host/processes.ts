import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Launch } from '../../src/host/launcher/launch.ts';
import { listPids, readLink } from '../../src/host/proc/pid.ts';
import { readStat } from '../../src/host/proc/stat.ts';
import { spawnProcess } from '../../src/host/process/spawner.ts';
import { closeFd, openPidfd, signalPidfd } from '../../src/host/sys/pidfd.ts';
import { until } from '../e2e/harness.ts';

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const IS_ROOT = process.getuid!() === 0;
/** For tests that need root: `test.skipIf(NOT_ROOT)`. */
export const NOT_ROOT = !IS_ROOT;

/**
 * A directory and the processes of one test. A process is the test's own if it works in the directory or its output
 * goes to a file there, so whatever forked, and wherever it went, `dispose` ends it.
 */
export class Scratch {
  readonly root = mkdtempSync(join(tmpdir(), 'host-'));
  readonly #started = new Set<number>();
  #count = 0;

  path(name: string): string {
    return join(this.root, name);
  }

  /** What starts `sh -c SCRIPT` with its output in a file of its own. */
  launch(script: string, changes: Partial<Launch> = {}): Launch {
    return {
      path: '/bin/sh',
      argv: ['sh', '-c', script],
      env: [`PATH=${PATH}`],
      cwd: this.root,
      output: { path: this.path(`out.${++this.#count}`) },
      ...changes,
    };
  }

  /** Starts a script and gives its pid. */
  start(script: string, changes: Partial<Launch> = {}): number {
    const pid = spawnProcess(this.launch(script, changes));
    this.#started.add(pid);
    return pid;
  }

  read(name: string): string {
    try {
      return readFileSync(this.path(name), 'utf8');
    } catch {
      return '';
    }
  }

  /** The numbers in a file, once a whole line of `count` of them is there: the pids that a script tells. */
  async pids(name: string, count: number): Promise<number[]> {
    const numbers = () => this.read(name).match(/\d+(?=\n)/g) ?? [];
    await until(() => numbers().length >= count, undefined, `${count} pids in ${name}`);
    return numbers().map(Number);
  }

  async dispose(): Promise<void> {
    const own = () => listPids().filter((pid) => isLive(pid) && this.#isOwn(pid));
    await until(() => {
      for (const pid of own()) kill(pid);
      return own().length === 0;
    });
    rmSync(this.root, { recursive: true, force: true });
  }

  /** One that was just started may not have opened its output yet: it is told by its pid, while it is our child. */
  #isOwn(pid: number): boolean {
    const here = ['fd/1', 'cwd'].some((name) => `${readLink(pid, name) ?? ''}/`.startsWith(`${this.root}/`));
    return here || (this.#started.has(pid) && readStat(pid)?.parent === process.pid);
  }
}

/** execve(2) lets the parent go on before it has noted the new words: on a busy host they are empty for a moment. */
export async function untilNamed(pid: number): Promise<number> {
  await until(() => !isLive(pid) || readFileSync(`/proc/${pid}/environ`).length > 0);
  return pid;
}

/** Whether a process lives; a zombie does not. */
export function isLive(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
}

function kill(pid: number): void {
  const fd = openPidfd(pid);
  if (fd === null) return;
  signalPidfd(fd, 'SIGKILL');
  closeFd(fd);
}
