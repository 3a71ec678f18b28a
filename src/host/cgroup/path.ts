import { readdirSync, rmdirSync } from 'node:fs';
import { isGone, readProc, readProcText } from '../proc/read.ts';

/** Where the cgroup v2 hierarchy is mounted, from /proc/self/mountinfo (proc(5)); null where there is none. */
export function findCgroupMount(mountInfo: string): string | null {
  for (const line of mountInfo.split('\n')) {
    const [mount, source] = line.split(' - ');
    if (source?.startsWith('cgroup2 ')) return mount!.split(' ')[4] ?? null;
  }
  return null;
}

/** This process's path in the v2 hierarchy, from the `0::` line of /proc/PID/cgroup; null where it has none. */
export function parseCgroupPath(text: string): string | null {
  return /^0::(.*)$/m.exec(text)?.[1] ?? null;
}

/** The processes in a cgroup, not in those below it; none where it is gone. */
export function membersOf(cgroup: string): number[] {
  const procs = readProc(`${cgroup}/cgroup.procs`);
  return procs?.toString('latin1').split('\n').filter(Boolean).map(Number) ?? [];
}

/** The names of the cgroups right below one; none where it is gone. */
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
 * Takes a cgroup away if it is empty: EBUSY (populated) and ENOTEMPTY (children) are answers here, not faults.
 * @returns whether it is gone
 */
export function tryRemove(cgroup: string): boolean {
  try {
    rmdirSync(cgroup);
    return true;
  } catch (error) {
    return isGone(error);
  }
}

/** Whether a process lives in a cgroup or below it; zombies do not count. */
export function isPopulated(cgroup: string): boolean {
  return readProcText(`${cgroup}/cgroup.events`)?.includes('populated 1') ?? false;
}
