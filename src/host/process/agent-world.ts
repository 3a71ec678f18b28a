import type { Launch } from '../launcher/launch.ts';
import { getLimit } from '../sys/rlimit.ts';
import { wrapperFor } from './sandbox.ts';

/** The umask of agents; the supervisor's own is stricter. */
const AGENT_UMASK = 0o022;
/** Added to the thousandths of memory that a process uses: the kernel kills agents well before the rest of the system. */
const AGENT_OOM_SCORE_ADJ = 500;

/**
 * Sets up agents and helpers, whoever started the supervisor and however: what a launch does not set itself. All else
 * that processes inherit, they have from the launcher, which has what a system service has (launcher/baseline.ts).
 */
export class AgentWorld {
  readonly #hardNofile = getLimit('nofile').hard;

  /**
   * @param cgroup its cgroup; absent: that of this process
   * @throws FleetError as wrapperFor() does
   */
  around({ nofile, sandbox, ...launch }: Launch, cgroup: string | undefined): Launch {
    return {
      umask: AGENT_UMASK,
      oomScoreAdj: AGENT_OOM_SCORE_ADJ,
      ...launch,
      ...(cgroup !== undefined && { cgroup }),
      ...(sandbox !== undefined && { wrapper: wrapperFor(sandbox) }),
      ...(nofile !== undefined && {
        limits: { ...launch.limits, nofile: { soft: nofile, hard: Math.max(nofile, this.#hardNofile) } },
      }),
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
