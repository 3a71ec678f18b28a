/** What a supervisor is doing; recovery has no turn of the loop in which to beat. */
export type Phase = 'recovering' | 'supervising';

/** What a supervisor writes every few seconds as long as its loop turns. */
export interface Heartbeat {
  pid: number;
  /** When its process was started, in ticks since boot: with the pid it names this one process. */
  startTicks: number;
  bootId: string;
  phase: Phase;
  /** When it was written: milliseconds since boot, suspended time included (CLOCK_BOOTTIME). */
  atMs: number;
}

/** What is known of a supervisor that does not answer. */
export interface Silence {
  /** Who holds the lock of the state directory, as the kernel says; null where nobody is seen to. */
  holder: { pid: number; startTicks: number } | null;
  /** The newest heartbeat; null where there is none that can be read. */
  heartbeat: Heartbeat | null;
  bootId: string;
  /** Milliseconds since boot. */
  nowMs: number;
}

/** What to do about it. */
export type SilenceJudgement =
  /** Nobody is in the way of another supervisor. */
  | { do: 'start' }
  /** The holder is a supervisor, and stuck. */
  | { do: 'end'; why: string }
  /** It may be at work, or no supervisor at all: nothing is signalled. */
  | { do: 'leave'; why: string };

/** A supervisor that has given no sign of life for this long is stuck. */
const SILENT_MS_MAX: Record<Phase, number> = { supervising: 60_000, recovering: 5 * 60_000 };

/**
 * Judges a supervisor that gives no answer. It is ended only where everything agrees: the kernel says that this process
 * holds the lock, the heartbeat is this very process's, of this boot, and older than a supervisor at work lets it become.
 */
export function judgeSilence({ holder, heartbeat, bootId, nowMs }: Silence): SilenceJudgement {
  if (holder === null) return { do: 'start' };
  const { pid } = holder;
  const isItsOwn =
    heartbeat?.pid === pid && heartbeat.startTicks === holder.startTicks && heartbeat.bootId === bootId;
  if (!isItsOwn)
    return { do: 'leave', why: `pid ${pid} holds the lock and has no heartbeat, so it may be no supervisor` };
  const silentMs = nowMs - heartbeat.atMs;
  const silence = `its heartbeat is ${Math.max(0, Math.floor(silentMs / 1_000))} s old (${heartbeat.phase})`;
  if (silentMs < SILENT_MS_MAX[heartbeat.phase])
    return { do: 'leave', why: `pid ${pid} may be at work: ${silence}` };
  return { do: 'end', why: `pid ${pid} gave no answer, and ${silence}` };
}
