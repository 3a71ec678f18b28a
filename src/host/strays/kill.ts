import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessId } from '../../fleet/agent.ts';
import { isStill } from '../proc/stat.ts';
import { closeFd, openPidfd, signalPidfd } from '../process/pidfd.ts';

const POLL_MS = 100;
/** From SIGKILL to the end of a process; one that waits for a dead disk takes longer, and nobody can help it. */
export const KILL_MS_MAX = 5_000;

/** How an attempt to end a process came out: `left` says that it is still there, or is no longer what was meant. */
export type EndResult = 'ended' | 'killed' | 'left';

/**
 * Ends a process that is not ours: signal, grace, SIGKILL, all through one pidfd, so that no other process can be hit.
 * Before each signal it is asked again whether this still is what was meant.
 * @param isMeant judges the process as it is now
 * @throws SystemCallError where it may not be signalled (EPERM)
 */
export async function endProcess(
  process: ProcessId,
  isMeant: () => Promise<boolean>,
  { signal, graceMs }: { signal: string; graceMs: number },
): Promise<EndResult> {
  const pidfd = openPidfd(process.pid);
  if (pidfd === null) return 'left';
  const send = async (name: string) =>
    isStill(process) && (await isMeant()) && isStill(process) && signalPidfd(pidfd, name);
  try {
    if (!(await send(signal))) return 'left';
    if (await hasEnded(process, graceMs)) return 'ended';
    if (!(await send('SIGKILL'))) return isStill(process) ? 'left' : 'ended';
    return (await hasEnded(process, KILL_MS_MAX)) ? 'killed' : 'left';
  } finally {
    closeFd(pidfd);
  }
}

async function hasEnded(process: ProcessId, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isStill(process)) {
    if (performance.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}
