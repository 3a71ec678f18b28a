import type { ProcessId } from '../../fleet/agent.ts';
import type { FoundProcess } from '../../fleet/recovery.ts';
import type { Containment } from '../cgroup/containment.ts';
import { readStat } from '../proc/stat.ts';
import { currentTicks } from '../sys/clock.ts';

/** What lives in the slots when a supervisor starts. */
export class Census {
  readonly #containment: Containment;
  #takenAtTicks = 0;
  /** The slots of the processes that it has seen, until the end of the turn. */
  readonly #seen = new Map<number, string>();

  constructor(containment: Containment) {
    this.#containment = containment;
  }

  /** The processes of each slot, those first that may be its agent. */
  take(): Map<string, FoundProcess[]> {
    const found = new Map<string, FoundProcess[]>();
    this.#takenAtTicks = currentTicks();
    setImmediate(() => this.#seen.clear());
    for (const [key, pids] of this.#containment.census()) {
      const processes = pids.flatMap((pid) => {
        const stat = readStat(pid);
        if (!stat) return [];
        this.#seen.set(pid, key);
        const leads = stat.session === pid && !this.#containment.isErrand(pid);
        return [{ pid, startTicks: stat.startTicks, leads }];
      });
      // Session leaders first: an agent is one from its start, its forks become one only of their own accord.
      processes.sort((a, b) => Number(b.leads) - Number(a.leads) || a.startTicks - b.startTicks);
      if (processes.length > 0) found.set(key, processes);
    }
    return found;
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
