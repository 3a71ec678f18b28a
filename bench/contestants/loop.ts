import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCgroupMount } from '../../src/host/proc/cgroup.ts';
import { endTree } from '../cgroups.ts';
import { launch, run } from '../commands.ts';
import { isAlive } from '../processes.ts';
import { Contestant, fromDebian } from './contestant.ts';

const HIERARCHY = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
const SOURCE = new URL('../loop.c', import.meta.url).pathname;

/** The limit: a C program that forks in a loop, each child into a cgroup of its own, and nothing else. It brings nothing back. */
export class Loop extends Contestant {
  readonly name = 'C loop';
  override readonly kind = 'limit';
  override readonly tools = [{ program: 'cc', get: fromDebian('build-essential') }];
  readonly #program = join(this.place.directory, 'loop');
  readonly #running: number[] = [];
  /** Its part of the v2 hierarchy; empty where there is none. */
  readonly #cgroup: readonly string[] = HIERARCHY === null ? [] : [`${HIERARCHY}/bench-loop-${process.pid}`];

  async version(): Promise<string> {
    return (await this.output('cc', '-dumpfullversion')).trim();
  }

  override async prepare(): Promise<void> {
    for (const cgroup of this.#cgroup) mkdirSync(cgroup, { recursive: true });
    await run(this.place, 'cc', ['-O2', '-Wall', '-Werror', '-o', this.#program, SOURCE]);
  }

  async start(): Promise<void> {
    await this.#loop(this.place.portBase, this.place.agents);
  }

  async stop(): Promise<void> {
    for (const pid of this.#running.filter(isAlive)) process.kill(pid, 'SIGTERM');
  }

  override async bringBack(first: number, count: number): Promise<void> {
    await this.#loop(first, count);
  }

  override async cleanUp(): Promise<void> {
    for (const cgroup of this.#cgroup) await endTree(cgroup, this.place.timeoutMs);
  }

  async #loop(first: number, count: number): Promise<void> {
    const agents = [this.place.busybox, `${first}`, `${count}`];
    this.#running.push(await launch(this.place, this.#program, [...agents, ...this.#cgroup]));
  }
}
