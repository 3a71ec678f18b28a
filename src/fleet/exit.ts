import { formatSize } from '../specification/units.ts';

/** How a process ended, as far as that is known. */
export interface ExitStatus {
  code: number | null;
  signal: string | null;
}

/** Why the kernel killed an agent: it exceeded its own memory limit, or the host (or a parent cgroup) was short of memory. */
export type ExitCause = 'oom-limit' | 'oom-host';

/** How an agent ended; with the cause, if more than the signal is known. */
export interface AgentExit extends ExitStatus {
  cause?: ExitCause;
}

/** How the latest agent of a slot ended. */
export interface LastExit {
  code: number | null;
  signal: string | null;
  reason: string;
  at: string;
}

/**
 * Describes an exit: `exited 1`, `killed by SIGKILL: out of memory (memory.limit 64M)`, `exit status unknown`.
 * @param memoryLimitBytes the agent's memory limit
 */
export function describeExit(exit: AgentExit, memoryLimitBytes: number | null = null): string {
  if (exit.signal !== null) return `killed by ${exit.signal}${describeCause(exit.cause, memoryLimitBytes)}`;
  if (exit.code !== null) return `exited ${exit.code}`;
  return 'exit status unknown';
}

function describeCause(cause: ExitCause | undefined, limitBytes: number | null): string {
  if (cause === undefined) return '';
  if (cause === 'oom-host') return ': out of memory on the host';
  return `: out of memory (memory.limit${limitBytes === null ? '' : ` ${formatSize(limitBytes)}`})`;
}
