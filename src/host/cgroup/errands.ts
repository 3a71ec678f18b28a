import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGone } from '../proc/read.ts';
import { killIf } from '../sys/pidfd.ts';
import type { Errand, ErrandKind } from './containment.ts';
import { ERRAND_DIRECTORIES } from './home.ts';
import { childrenOf, membersOf, removeIfEmpty } from './path.ts';

/** Killed processes are gone within milliseconds, unless they hang in the kernel; then the next census removes the cgroup. */
const REMOVE_MS = [0, 5, 20, 100, 500, 2000];

/**
 * Cgroups for errands: each helper has one, so that it ends with everything that it forked, and so has each hook, so that
 * what it leaves in the background hinders nothing.
 */
export class CgroupErrands {
  readonly #root: string;
  readonly #onProblem: (error: Error) => void;
  #count = 0;
  /** Cgroups whose process may still be on its way there: an empty one of these is not abandoned. */
  readonly #current = new Set<string>();

  /** @param root the tree that contains them */
  constructor(root: string, onProblem: (error: Error) => void) {
    this.#root = root;
    this.#onProblem = onProblem;
  }

  begin(kind: ErrandKind): Errand {
    // Names are not reused: what an earlier supervisor's helper has left may still be ending.
    const cgroup = `${this.#directory(kind)}/${process.pid}-${++this.#count}`;
    mkdirSync(cgroup, { recursive: true });
    this.#current.add(cgroup);
    return {
      cgroup,
      kill: (pid) => {
        // Its launcher may not have arrived yet.
        killIf(pid, () => true);
        killAll(cgroup);
      },
      done: () => {
        this.#current.delete(cgroup);
        void this.#remove(kind, cgroup).catch(this.#onProblem);
      },
    };
  }

  /** Ends the remnants of an earlier supervisor's helpers; those of its hooks continue. */
  endFormer(): void {
    for (const cgroup of this.#all('helper')) killAll(cgroup);
    this.#sweep();
  }

  close(): void {
    this.#sweep();
    for (const directory of Object.values(ERRAND_DIRECTORIES)) removeIfEmpty(`${this.#root}/${directory}`);
  }

  async #remove(kind: ErrandKind, cgroup: string): Promise<void> {
    for (const waitMs of REMOVE_MS) {
      if (removeIfEmpty(cgroup)) break;
      if (kind === 'hook') break;
      await sleep(waitMs, undefined, { ref: false });
    }
    this.#sweep();
  }

  /** Removes empty cgroups. */
  #sweep(): void {
    for (const kind of ['helper', 'hook'] as const)
      for (const cgroup of this.#all(kind)) if (!this.#current.has(cgroup)) removeIfEmpty(cgroup);
  }

  #all(kind: ErrandKind): string[] {
    const directory = this.#directory(kind);
    return childrenOf(directory).map((name) => `${directory}/${name}`);
  }

  #directory(kind: ErrandKind): string {
    return `${this.#root}/${ERRAND_DIRECTORIES[kind]}`;
  }
}

/** Kills by cgroup.kill; before Linux 5.14 one by one. */
function killAll(cgroup: string): void {
  try {
    writeFileSync(`${cgroup}/cgroup.kill`, '1');
  } catch (error) {
    if (!isGone(error)) throw error;
    for (const pid of membersOf(cgroup)) killIf(pid, () => membersOf(cgroup).includes(pid));
  }
}
