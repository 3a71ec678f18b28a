import { countFds } from '../proc/pid.ts';
import { readThreads } from '../proc/status.ts';

/** What a process uses beside memory. */
export interface Usage {
  /** Of one processor, since the last question about this process, or else since its start. */
  cpuPercent: number;
  /** User and system time since its start. */
  cpuSeconds: number;
  threads: number;
  /** Open files; null where we may not look. */
  files: number | null;
}

/** pidusage keeps a descriptor of each process for a minute, in order to tell the use since the last question. */
const PROCESSES_MAX = 512;
const asked = new Set<number>();

/**
 * What these processes use, by pid; one that is gone is left out. On demand only: it costs some 50 µs a process.
 * @param pids at most USAGE_PIDS_MAX
 */
export async function readUsage(pids: readonly number[]): Promise<Map<number, Usage>> {
  const { default: pidusage } = await import('pidusage');
  if (new Set(pids).difference(asked).size + asked.size > PROCESSES_MAX) {
    pidusage.clear();
    asked.clear();
  }
  for (const pid of pids) asked.add(pid);
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
