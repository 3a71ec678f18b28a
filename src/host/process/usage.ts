import { countFds } from '../proc/pid.ts';
import { readThreads } from '../proc/status.ts';

/** The resource use of a process, without memory. */
export interface Usage {
  /** Of one processor, since the last call for this process, or since its start. */
  cpuPercent: number;
  /** User and system time since its start. */
  cpuSeconds: number;
  threads: number;
  /** Open files; null if inaccessible. */
  files: number | null;
}

/** pidusage keeps a descriptor of each process for a minute, to compute the use since the last call. */
const PROCESSES_MAX = 512;
const seen = new Set<number>();

/**
 * The use of these processes, by pid, without those that are gone. Only on demand: it costs some 50 µs per process.
 * @param pids at most USAGE_PIDS_MAX
 */
export async function readUsage(pids: readonly number[]): Promise<Map<number, Usage>> {
  const { default: pidusage } = await import('pidusage');
  if (new Set(pids).difference(seen).size + seen.size > PROCESSES_MAX) {
    pidusage.clear();
    seen.clear();
  }
  for (const pid of pids) seen.add(pid);
  const answers = await Promise.allSettled(pids.map((pid) => pidusage(pid)));
  const found = new Map<number, Usage>();
  for (const [i, answer] of answers.entries()) {
    const pid = pids[i]!;
    const threads = readThreads(pid);
    if (answer.status === 'rejected' || threads === null) continue;
    const { cpu, ctime } = answer.value;
    found.set(pid, {
      cpuPercent: cpu,
      cpuSeconds: ctime / 1000,
      threads,
      files: countFds(pid),
    });
  }
  return found;
}
