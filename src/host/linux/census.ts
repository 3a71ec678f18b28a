import type { ProcessId } from '../../fleet/agent.ts';
import type { FoundProcess } from '../../fleet/recovery.ts';
import type { Containment } from '../cgroup/containment.ts';
import { hasEnded, readStat, type Stat } from '../proc/stat.ts';
import { isGuard } from '../process/recognise.ts';
import { currentTicks } from '../sys/clock.ts';
import { closeFd, openPidfd } from '../sys/pidfd.ts';

interface Held {
  pidfd: number;
  startTicks: number;
}

/** What lives in the slots when a supervisor starts. */
export class Census {
  readonly #containment: Containment;
  #takenAtTicks = 0;
  /** The slots of the processes that it has seen, until the end of the turn. */
  readonly #seen = new Map<number, string>();
  /** Pidfds of processes, by pid, until the end of the turn. */
  readonly #held = new Map<number, Held>();

  constructor(containment: Containment) {
    this.#containment = containment;
  }

  /** The processes of each slot, those first that may be its agent. */
  take(): Map<string, FoundProcess[]> {
    const found = new Map<string, FoundProcess[]>();
    this.#takenAtTicks = currentTicks();
    setImmediate(() => this.#forget());
    for (const [key, pids] of this.#containment.census()) {
      const processes = pids.flatMap((pid, i) => {
        const stat = i === 0 ? this.#hold(pid) : readStat(pid);
        if (!stat) return [];
        this.#seen.set(pid, key);
        const guards = isGuard(stat);
        const leads = stat.session === pid && !guards && !this.#containment.isErrand(pid);
        return [{ pid, startTicks: stat.startTicks, leads, ...(guards && { guards }) }];
      });
      // Session leaders first: an agent is one from its start, its forks become one only of their own accord.
      processes.sort((a, b) => Number(b.leads) - Number(a.leads) || a.startTicks - b.startTicks);
      if (processes.length > 0) found.set(key, processes);
    }
    return found;
  }

  /**
   * Takes the pidfd of a process that lives; null if there is none. Most are the first of their slots, and have one from
   * the census: the start time was read after it had been opened, so that both are of the same process.
   */
  pidfdOf({ pid, startTicks }: ProcessId): number | null {
    const held = this.#held.get(pid);
    this.#held.delete(pid);
    if (held?.startTicks === startTicks) return held.pidfd;
    const pidfd = held?.pidfd ?? openPidfd(pid);
    if (pidfd === null) return null;
    const stat = readStat(pid);
    if (stat?.startTicks === startTicks && !hasEnded(stat)) return pidfd;
    closeFd(pidfd);
    return null;
  }

  /** The guard of a slot's main process; null if it has none. */
  guardOf(key: string, pid: number): number | null {
    const parent = readStat(readStat(pid)?.parent ?? 0);
    if (parent === null || !isGuard(parent)) return null;
    return (this.#seen.get(parent.pid) ?? this.#containment.keyOf(parent.pid)) === key ? parent.pid : null;
  }

  #hold(pid: number): Stat | null {
    const pidfd = openPidfd(pid);
    if (pidfd === null) return null;
    const stat = readStat(pid);
    if (stat && !hasEnded(stat)) this.#held.set(pid, { pidfd, startTicks: stat.startTicks });
    else closeFd(pidfd);
    return stat;
  }

  #forget(): void {
    this.#seen.clear();
    for (const { pidfd } of this.#held.values()) closeFd(pidfd);
    this.#held.clear();
  }

  /**
   * Whether a process is in a slot. One that was started before the census had its pid all the time, so that the census
   * itself has seen it there.
   */
  isIn(key: string, { pid, startTicks }: ProcessId): boolean {
    if (this.#containment.kind === 'session') return true;
    const wasSeen = startTicks < this.#takenAtTicks && this.#seen.get(pid) === key;
    return wasSeen || this.#containment.keyOf(pid) === key;
  }
}
