import type { Containment } from '../cgroup/containment.ts';
import { listPids } from '../proc/pid.ts';
import { hasEnded, isStill, readStat } from '../proc/stat.ts';
import { isMarked } from '../strays/find.ts';
import type { ForeignAdoption } from '../sys/process-id.ts';
import { attempt, type Result } from '../sys/result.ts';

/** What forks while it is being moved is found by another look, and its forks are born where they belong. */
const LOOKS_MAX = 5;

/**
 * Moves processes into their slots, each with all its descendants, in one look over /proc for all of them (and another
 * as long as one finds something new).
 * @returns for each whether it is there; a refusal where the kernel would not move it
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
  for (let look = 0; look < LOOKS_MAX && takeForks(containment, moved); look++);
  return results;
}

/** @returns whether there was something to move */
function takeForks(containment: Containment, moved: Map<number, string>): boolean {
  const before = moved.size;
  if (before === 0) return false;
  // A child mostly has a higher pid than its parent, so that one look finds grandchildren too.
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
