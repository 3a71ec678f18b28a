import type { ProcessId } from '../../fleet/agent.ts';
import type { Containment } from '../cgroup/containment.ts';
import type { Entry } from '../launcher/reports.ts';
import { readStat } from '../proc/stat.ts';
import { type ExitWatch, keepOrKill } from '../process/exit-watch.ts';
import { Guard } from '../process/guard.ts';
import { exitInside } from '../process/sandbox.ts';
import type { SpawnedProcess } from '../process/spawner.ts';
import { closeFd, openPidfd, orKill, type ProcessExit, signalPidfd } from '../sys/pidfd.ts';

/** A slot's main process. */
export interface Main extends ProcessId {
  pidfd: number;
  /** Whether it is where nothing that it forks can escape. */
  hasArrived: boolean;
  /** The number of its launch; null if this supervisor has not started it. */
  launch: number | null;
  /** Everything in its slot was killed. */
  isKilled?: true;
}

interface Parts {
  watch: ExitWatch;
  containment: Containment;
  /** The launches that have come through their wrappers since the last call. */
  takeEntries: () => Entry[];
  /** Called when a main process is in its sandbox, and takes the place of bubblewrap's. */
  onMain: (key: string, main: Main) => void;
  /** Called when a main process has ended; it still is the slot's. @param exit null if it is unknown */
  onEnd: (key: string, main: Main, exit: ProcessExit | null) => void;
}

/** The main processes of slots, watched and signalled through pidfds, and what guards those in a sandbox. */
export class Mains {
  readonly #parts: Parts;
  readonly #mains = new Map<string, Main>();
  readonly #guards = new Map<string, Guard>();
  /** The slots whose main process is not in its sandbox yet, by the number of the launch. */
  readonly #entering = new Map<number, string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get(key: string): Main | undefined {
    return this.#mains.get(key);
  }

  /** It has ended, and the slot has none any more. */
  delete(key: string): void {
    this.#mains.delete(key);
  }

  /** The guard of a slot; null if there is none. */
  guardOf(key: string): number | null {
    return this.#guards.get(key)?.pid ?? null;
  }

  /** Whether the slot's main process is not in its sandbox yet. */
  isEntering(key: string): boolean {
    return this.#guards.get(key)?.inside === null;
  }

  /** Watches a process that was just started. @throws Error if it cannot be kept; then it is killed */
  started(key: string, { pid, startTicks, launch, hasArrived, isWrapped }: SpawnedProcess): void {
    keepOrKill(pid, (pidfd) => {
      this.follow(key, { pid, startTicks, pidfd, hasArrived, launch });
      if (!isWrapped) return;
      this.#guards.set(key, new Guard({ pid, pidfd }, launch));
      this.#entering.set(launch, key);
    });
    this.#parts.containment.reattach(key, pid);
  }

  /** Watches a process as the slot's main process. */
  follow(key: string, main: Main): void {
    const { watch, containment } = this.#parts;
    watch.watch(main, (reap) => {
      if (main.launch !== null && main.isKilled) containment.ended(main.pid);
      this.#ended(key, main, reap());
    });
    this.#mains.set(key, main);
  }

  /** Watches what an earlier supervisor has started in front of the slot's main process. */
  followGuard(key: string, pid: number): void {
    const pidfd = openPidfd(pid);
    const inside = this.#mains.get(key);
    if (pidfd === null || inside === undefined) return;
    const guard = new Guard({ pid, pidfd }, null);
    guard.inside = inside.pid;
    this.#guards.set(key, guard);
    this.#parts.watch.watch({ pid, pidfd }, (reap) => this.#guardEnded(key, guard, reap()));
  }

  /** Learns which main processes have come into their sandboxes. One that cannot be kept is killed. */
  enter(): void {
    for (const { launch, pid } of this.#parts.takeEntries()) {
      const key = this.#entering.get(launch);
      // An errand has no slot.
      if (key === undefined) continue;
      try {
        const main = orKill(pid, () => this.#enter(key, pid));
        if (main) this.#parts.onMain(key, main);
      } catch (error) {
        this.#parts.containment.onProblem(error as Error);
      }
    }
  }

  /** @returns the slot's main process from now on; null if it has ended, as its parent will */
  #enter(key: string, pid: number): Main | null {
    const guard = this.#guards.get(key)!;
    const { isKilled, startTicks } = this.#mains.get(key)!;
    const pidfd = openPidfd(pid);
    if (pidfd === null) return null;
    const stat = readStat(pid);
    if (stat === null || !this.#isIn(key, stat, startTicks)) {
      closeFd(pidfd);
      return null;
    }
    const found = { pid, startTicks: stat.startTicks, pidfd, hasArrived: true, launch: null };
    const main: Main = { ...found, ...(isKilled && { isKilled }) };
    this.follow(key, main);
    this.#entering.delete(guard.launch!);
    this.#parts.containment.reattach(key, pid);
    guard.enter(pid, pidfd);
    return main;
  }

  /** Whether a process that has reported from a sandbox still is that one: its pid may have been given to another. */
  #isIn(key: string, { pid, startTicks }: ProcessId, notBefore: number): boolean {
    const { containment } = this.#parts;
    return containment.kind === 'cgroup' ? containment.keyOf(pid) === key : startTicks >= notBefore;
  }

  /** Sends a signal to the slot's main process; false if it has ended. @throws SystemCallError EPERM */
  signal(key: string, signal: string): boolean {
    const main = this.#mains.get(key);
    if (main === undefined) return false;
    if (this.isEntering(key)) {
      this.#guards.get(key)!.postpone(signal);
      return true;
    }
    return signalPidfd(main.pidfd, signal);
  }

  #ended(key: string, main: Main, exit: ProcessExit | null): void {
    const guard = this.#guards.get(key);
    const isGuard = guard?.pid === main.pid;
    if (isGuard) {
      // What it has guarded may have reported, and lives if somebody killed bubblewrap alone.
      this.enter();
      this.#guardEnded(key, guard, exit);
    }
    // A main process that has a successor is one of the others in its slot.
    if (this.#mains.get(key) !== main) return;
    if (guard?.inside === main.pid) void this.#endedInside(key, main, guard);
    else this.#parts.onEnd(key, main, isGuard && exit ? exitInside(exit) : exit);
  }

  async #endedInside(key: string, main: Main, guard: Guard): Promise<void> {
    const exit = await guard.exitOfMain(() => main.isKilled === true);
    if (this.#mains.get(key) === main) this.#parts.onEnd(key, { ...main, launch: guard.launch }, exit);
  }

  #guardEnded(key: string, guard: Guard, exit: ProcessExit | null): void {
    if (guard.launch !== null) this.#entering.delete(guard.launch);
    if (this.#guards.get(key) === guard) this.#guards.delete(key);
    guard.ended(exit);
  }
}
