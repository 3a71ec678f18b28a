import { PROC, readProcText, readRecord } from './read.ts';

/** A process's place in each hierarchy of cgroups, a line each (proc_pid_cgroup(5)); null if it is gone. */
export function readCgroups(pid: number | 'self', proc = PROC): string | null {
  return readRecord(`${proc}/${pid}/cgroup`);
}

/** This process's path in the v2 hierarchy, from the `0::` line of /proc/PID/cgroup; null if it has none. */
export function parseCgroupPath(text: string): string | null {
  return /^0::(.*)$/m.exec(text)?.[1] ?? null;
}

/** A process's path in the v2 hierarchy; null if it has none, or is gone. */
export function readCgroupPath(pid: number | 'self', proc = PROC): string | null {
  return parseCgroupPath(readCgroups(pid, proc) ?? '');
}

/** The mount point of the cgroup v2 hierarchy, from /proc/self/mountinfo (proc(5)); null if there is none. */
export function findCgroupMount(mountInfo: string): string | null {
  for (const line of mountInfo.split('\n')) {
    const [mount, source] = line.split(' - ');
    if (source?.startsWith('cgroup2 ')) return mount!.split(' ')[4] ?? null;
  }
  return null;
}

/** The mount point of the cgroup v2 hierarchy for this process; null if there is none. */
export function readCgroupMount(proc = PROC): string | null {
  return findCgroupMount(readProcText(`${proc}/self/mountinfo`) ?? '');
}
