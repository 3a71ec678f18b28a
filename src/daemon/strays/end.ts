import type { ProcessId } from '../../fleet/agent.ts';
import type { OtherProcesses } from '../../host/host.ts';

const POLL_MS = 100;
/** The maximum time from SIGKILL to the end of a process; one that waits for a dead disk takes longer, and is left. */
export const KILL_MS_MAX = 5_000;

/** The result of ending a process: `left` means that it still exists, or is no longer the intended one. */
export type EndResult = 'ended' | 'killed' | 'left';

/**
 * Ends a process that is not ours: signal, grace, SIGKILL, all through one handle, so that no other process can be hit.
 * Before each signal it is checked that the process is still the intended one.
 * @param isMeant judges the process as it is now
 * @throws SystemCallError if it may not be signalled (EPERM)
 */
export async function endProcess(
  others: OtherProcesses,
  process: ProcessId,
  isMeant: () => Promise<boolean>,
  { signal, graceMs }: { signal: string; graceMs: number },
): Promise<EndResult> {
  const handle = others.hold(process.pid);
  if (handle === null) return 'left';
  const isStill = () => others.isStill(process);
  const send = async (name: string) => isStill() && (await isMeant()) && isStill() && handle.signal(name);
  try {
    if (!(await send(signal))) return 'left';
    if (await hasEnded(isStill, graceMs)) return 'ended';
    if (!(await send('SIGKILL'))) return isStill() ? 'left' : 'ended';
    return (await hasEnded(isStill, KILL_MS_MAX)) ? 'killed' : 'left';
  } finally {
    handle.close();
  }
}

async function hasEnded(isStill: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isStill()) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
