import type { ProcessId } from '../../fleet/agent.ts';
import type { Containment } from '../cgroup/containment.ts';
import type { Entry } from '../launcher/reports.ts';
import { hasEnded, readStat, type Stat } from '../proc/stat.ts';
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
  /** Its pidfd is closed; only how it has ended is not known yet. */
  hasEnded?: true;
}

interface Parts {
  watch: ExitWatch;
  containment: Containment;
  /** The launches that have come through their wrappers since the last call. */
  takeEntries: () => Entry[];
  /** Called when a main process is in its sandbox, and takes the place of bubblewrap's. */
  onMain: (key: string, main: Main) => void;
  /** Called before the end of a main process is looked at: what it has sent before must be received before. */
  beforeEnd: () => void;
  /** Called when a main process has ended; it still is the slot's. @param exit null if it is unknown */
  onEnd: (key: string, main: Main, exit: ProcessExit | null) => void;
  /** Called when nobody will ask any more why a launch has failed. */
  forget: (launch: number) => void;
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

  /** The pid of a slot's guard; null if none lives. */
  guardOf(key: string): number | null {
    const guard = this.#guards.get(key);
    return guard === undefined || guard.hasEnded ? null : guard.pid;
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
      this.#parts.beforeEnd();
      if (main.launch !== null && main.isKilled) containment.ended(main.pid);
      this.#ended(key, main, reap());
    });
    this.#mains.set(key, main);
  }

  /**
   * Watches what an earlier supervisor has started in front of the slot's main process. If it cannot be kept (no descriptor
   * left), only how that process ends is not learned.
   */
  followGuard(key: string, pid: number): void {
    const { watch, containment } = this.#parts;
    const inside = this.#mains.get(key)!;
    try {
      const pidfd = openPidfd(pid);
      if (pidfd === null) return;
      const guard = new Guard({ pid, pidfd }, null);
      guard.inside = inside.pid;
      watch.watch({ pid, pidfd }, (reap) => this.#guardEnded(key, guard, reap()));
      this.#guards.set(key, guard);
    } catch (error) {
      containment.onProblem(error as Error);
    }
  }

  /** Learns which main processes have come into their sandboxes. One that cannot be kept is killed. */
  enter(): void {
    for (const { launch, pid } of this.#parts.takeEntries()) {
      const key = this.#entering.get(launch);
      // An errand has no slot.
      if (key === undefined) continue;
      try {
        const main = orKill(pid, () => this.#enter(key, pid));
        if (main === null) continue;
        this.#parts.onMain(key, main);
        for (const signal of this.#guards.get(key)!.takePostponed()) signalPidfd(main.pidfd, signal);
      } catch (error) {
        this.#parts.containment.onProblem(error as Error);
      }
    }
  }

  /** @returns the slot's main process from now on; null if it has ended, as its parent will */
  #enter(key: string, pid: number): Main | null {
    const guard = this.#guards.get(key)!;
    const { isKilled } = this.#mains.get(key)!;
    const pidfd = openPidfd(pid);
    if (pidfd === null) return null;
    const stat = readStat(pid);
    if (stat === null || !this.#isIn(key, stat, guard)) {
      closeFd(pidfd);
      return null;
    }
    const found = { pid, startTicks: stat.startTicks, pidfd, hasArrived: true, launch: null };
    const main: Main = { ...found, ...(isKilled && { isKilled }) };
    this.follow(key, main);
    this.#entering.delete(guard.launch!);
    this.#parts.containment.reattach(key, pid);
    guard.inside = pid;
    return main;
  }

  /** Whether a process that has reported from a sandbox still is that one, and not another one with its pid. */
  #isIn(key: string, { pid, parent }: Stat, guard: Guard): boolean {
    const { containment } = this.#parts;
    if (containment.kind === 'cgroup') return containment.keyOf(pid) === key;
    // Without bubblewrap it has another parent: somebody has killed that alone.
    return parent === guard.pid || hasEnded(readStat(guard.pid));
  }

  /** Sends a signal to the slot's main process; false if it has ended. @throws SystemCallError EPERM */
  signal(key: string, signal: string): boolean {
    const main = this.#mains.get(key);
    if (main === undefined || main.hasEnded) return false;
    if (this.isEntering(key)) {
      this.#guards.get(key)!.postpone(signal);
      return true;
    }
    return signalPidfd(main.pidfd, signal);
  }

  #ended(key: string, main: Main, exit: ProcessExit | null): void {
    main.hasEnded = true;
    const guard = this.#guards.get(key);
    const isGuard = guard?.pid === main.pid;
    if (isGuard) {
      // What it has guarded may have reported, and lives if somebody killed bubblewrap alone.
      this.enter();
      this.#guardEnded(key, guard, exit);
    }
    if (guard?.inside === main.pid) void this.#endedInside(key, main, guard);
    // A main process that has a successor is one of the others in its slot.
    else if (this.#mains.get(key) === main)
      this.#parts.onEnd(key, main, isGuard && exit ? exitInside(exit) : exit);
  }

  async #endedInside(key: string, main: Main, guard: Guard): Promise<void> {
    const { launch } = guard;
    const exit = await guard.exitOfMain(() => main.isKilled === true);
    if (this.#guards.get(key) === guard) this.#guards.delete(key);
    if (this.#mains.get(key) === main) this.#parts.onEnd(key, { ...main, launch }, exit);
    else if (launch !== null) this.#parts.forget(launch);
  }

  /** What it guards may live on, or may just not have been seen to end: until then, it is kept. */
  #guardEnded(key: string, guard: Guard, exit: ProcessExit | null): void {
    if (guard.launch !== null) this.#entering.delete(guard.launch);
    if (guard.inside === null && this.#guards.get(key) === guard) this.#guards.delete(key);
    guard.ended(exit);
  }
}
