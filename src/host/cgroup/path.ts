import { readdirSync, rmdirSync } from 'node:fs';
import { isGone, readList, readRecord } from '../proc/read.ts';

/** The processes in a cgroup itself, without those below it; none if it is gone. */
export function membersOf(cgroup: string): number[] {
  const procs = readList(`${cgroup}/cgroup.procs`);
  return procs?.split('\n').filter(Boolean).map(Number) ?? [];
}

/** The names of the cgroups right below one; none if it is gone. */
export function childrenOf(cgroup: string): string[] {
  try {
    return readdirSync(cgroup, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/**
 * Removes a cgroup if it is empty: EBUSY (populated) and ENOTEMPTY (children) are results here, not failures.
 * @returns whether it is gone
 */
export function removeIfEmpty(cgroup: string): boolean {
  try {
    rmdirSync(cgroup);
    return true;
  } catch (error) {
    return isGone(error);
  }
}

/** Whether a process lives in a cgroup or below it; zombies do not count. */
export function isPopulated(cgroup: string): boolean {
  return readRecord(`${cgroup}/cgroup.events`)?.includes('populated 1') ?? false;
}
