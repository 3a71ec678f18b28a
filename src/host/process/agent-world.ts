import type { Launch } from '../launcher/launch.ts';
import { getLimit, type Limit } from '../sys/rlimit.ts';

/** The umask of agents; the supervisor's own is stricter. */
const AGENT_UMASK = 0o022;
/** Added to the thousandths of memory that a process uses: the kernel kills agents well before the rest of the system. */
const AGENT_OOM_SCORE_ADJ = 500;

/** Sets up the environment of processes, whoever started the supervisor and however. */
export class AgentWorld {
  readonly #nofile: Limit;

  /** @param nofile the soft limit of open files of agents, capped by the hard limit */
  constructor(nofile: number) {
    const { hard } = getLimit('nofile');
    this.#nofile = { soft: Math.min(nofile, hard), hard };
  }

  /** @param nofile another soft limit of open files; null for the usual one */
  around(launch: Launch, cgroup: string | undefined, nofile: number | null = null): Launch {
    return {
      ...launch,
      umask: AGENT_UMASK,
      nofile: nofile === null ? this.#nofile : { ...this.#nofile, soft: nofile },
      oomScoreAdj: AGENT_OOM_SCORE_ADJ,
      ...(cgroup !== undefined && { cgroup }),
    };
  }
}

/** The umask belongs to the whole process: it is set while the work runs, within one turn of the loop. */
export function withAgentUmask<T>(work: () => T): T {
  const umask = process.umask(AGENT_UMASK);
  try {
    return work();
  } finally {
    process.umask(umask);
  }
}
