/** What a supervisor is doing. During recovery its loop does not turn, so no heartbeat is written. */
export type Phase = 'recovering' | 'supervising';

/** What a supervisor writes every few seconds while its loop turns. */
export interface Heartbeat {
  pid: number;
  /** The start time of its process, in ticks since boot; with the pid, it identifies the process. */
  startTicks: number;
  bootId: string;
  phase: Phase;
  /** When it was written: milliseconds since boot, suspended time included (CLOCK_BOOTTIME). */
  atMs: number;
}

/** What is known about a supervisor that does not answer. */
export interface Silence {
  /** The process that holds the lock of the state directory, as the kernel reports; null if none is visible. */
  holder: { pid: number; startTicks: number } | null;
  /** The newest heartbeat; null if none can be read. */
  heartbeat: Heartbeat | null;
  bootId: string;
  /** Milliseconds since boot. */
  nowMs: number;
}

/** What to do about it. */
export type SilenceJudgement =
  /** Another supervisor can be started. */
  | { do: 'start' }
  /** The holder is a supervisor, and stuck. */
  | { do: 'end'; why: string }
  /** The holder may be working, or may not be a supervisor: nothing is signalled. */
  | { do: 'leave'; why: string };

/** The maximum time without a sign of life; then a supervisor is stuck. */
const SILENT_MS_MAX: Record<Phase, number> = { supervising: 60_000, recovering: 5 * 60_000 };

/**
 * Judges a supervisor that does not answer. It is ended only if all of this holds: the kernel reports that this process
 * holds the lock, the heartbeat was written by this very process in this boot, and it is older than a working supervisor
 * lets it become.
 */
export function judgeSilence({ holder, heartbeat, bootId, nowMs }: Silence): SilenceJudgement {
  if (holder === null) return { do: 'start' };
  const { pid } = holder;
  const isItsOwn =
    heartbeat?.pid === pid && heartbeat.startTicks === holder.startTicks && heartbeat.bootId === bootId;
  if (!isItsOwn)
    return {
      do: 'leave',
      why: `pid ${pid} holds the lock but has no heartbeat, so it may not be a supervisor`,
    };
  const silentMs = nowMs - heartbeat.atMs;
  const silence = `its heartbeat is ${Math.max(0, Math.floor(silentMs / 1_000))} s old (${heartbeat.phase})`;
  if (silentMs < SILENT_MS_MAX[heartbeat.phase])
    return { do: 'leave', why: `pid ${pid} may be working: ${silence}` };
  return { do: 'end', why: `pid ${pid} did not answer, and ${silence}` };
}
