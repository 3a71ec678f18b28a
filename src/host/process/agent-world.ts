import type { Launch } from '../launcher/launch.ts';
import { getLimit, type Limit } from '../sys/rlimit.ts';

/** What an agent's umask is; the supervisor's own is stricter. */
const AGENT_UMASK = 0o022;
/** Added to the thousandths of memory that a process uses: the kernel ends agents well before the rest of the system. */
const AGENT_OOM_SCORE_ADJ = 500;

/** A process's world is what is said here, whoever started the supervisor and however. */
export class AgentWorld {
  readonly #nofile: Limit;

  /** @param nofile the soft limit of open files that agents get, as far as the hard one allows */
  constructor(nofile: number) {
    const { hard } = getLimit('nofile');
    this.#nofile = { soft: Math.min(nofile, hard), hard };
  }

  /** @param nofile a soft limit of open files instead of the usual one; null for that */
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

/** The umask is the process's own: it is set for the time of the work, within one turn of the loop. */
export function withAgentUmask<T>(work: () => T): T {
  const umask = process.umask(AGENT_UMASK);
  try {
    return work();
  } finally {
    process.umask(umask);
  }
}
