import type { Containment } from '../cgroup/containment.ts';
import { listPids } from '../proc/pid.ts';
import { hasEnded, isStill, readStat } from '../proc/stat.ts';
import { isMarked } from '../strays/find.ts';
import type { ForeignAdoption } from '../sys/process-id.ts';
import { attempt, type Result } from '../sys/result.ts';

/** The maximum number of passes: what forks while it is moved is found by the next one, and its forks are born in place. */
const PASSES_MAX = 5;

/**
 * Moves processes into their slots, each with all its descendants, in one pass over /proc for all of them, repeated while
 * a pass finds something new.
 * @returns for each whether it exists; a refusal if the kernel would not move it
 */
export function adoptForeign(
  containment: Containment,
  intakes: readonly ForeignAdoption[],
): Result<boolean>[] {
  const moved = new Map<number, string>();
  const results = intakes.map(({ key, process }) =>
    attempt(() => {
      const isThere = isStill(process) && containment.take(key, process);
      if (isThere) moved.set(process.pid, key);
      return isThere;
    }),
  );
  for (let pass = 0; pass < PASSES_MAX && takeForks(containment, moved); pass++);
  return results;
}

/** @returns whether anything was moved */
function takeForks(containment: Containment, moved: Map<number, string>): boolean {
  const before = moved.size;
  if (before === 0) return false;
  // A child mostly has a higher pid than its parent, so one pass finds grandchildren too.
  for (const pid of listPids().sort((a, b) => a - b)) {
    const stat = moved.has(pid) ? null : readStat(pid);
    const key = stat && !hasEnded(stat) ? moved.get(stat.parent) : undefined;
    if (key === undefined || isMarked(pid, null)) continue;
    moved.set(pid, key);
    try {
      containment.take(key, { pid, startTicks: stat!.startTicks });
    } catch (error) {
      containment.onProblem(error as Error);
    }
  }
  return moved.size > before;
}
