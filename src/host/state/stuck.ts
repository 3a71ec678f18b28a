import { setTimeout as sleep } from 'node:timers/promises';
import type { Paths } from '../../specification/paths.ts';
import { judgeSilence, type SilenceJudgement } from '../../supervisor/silence.ts';
import { readBootId } from '../proc/boot.ts';
import { hasEnded, readStat } from '../proc/stat.ts';
import { describeWait } from '../proc/wait-point.ts';
import { bootMs } from '../sys/clock.ts';
import { closeFd, openPidfd, signalPidfd } from '../sys/pidfd.ts';
import { readHeartbeat } from './heartbeat-file.ts';
import { lockHolder } from './lock-holder.ts';

/** SIGKILL takes time, above all on a busy host; beyond this, something in the kernel delays it. */
const ENDED_MS_MAX = 10_000;
const POLL_MS = 20;

/** The result of ending a supervisor that does not answer. */
export type StuckRemoval =
  /** Nothing prevents another supervisor from starting. */
  | { is: 'absent' }
  | { is: 'ended'; why: string }
  /** Nothing was signalled. */
  | { is: 'left'; why: string }
  /** It got SIGKILL, but still exists; `why` says what it waits for. */
  | { is: 'unkillable'; why: string };

/**
 * Ends the supervisor that holds the lock of a state directory, if it is stuck (supervisor/silence.ts). Everything is
 * judged behind a pidfd, so that the process that is signalled is the one that was judged.
 * @throws SystemCallError if the kernel does not let us open a pidfd, or signal it
 */
export async function removeStuck(paths: Paths): Promise<StuckRemoval> {
  const pid = lockHolder(paths.lock);
  const pidfd = pid === null ? null : openPidfd(pid);
  if (pid === null || pidfd === null) return { is: 'absent' };
  try {
    const verdict = judge(paths, pid);
    if (verdict.do === 'start') return { is: 'absent' };
    if (verdict.do === 'leave') return { is: 'left', why: verdict.why };
    const startTicks = readStat(pid)?.startTicks;
    signalPidfd(pidfd, 'SIGKILL');
    if (await hasGone(pid, startTicks)) return { is: 'ended', why: verdict.why };
    return { is: 'unkillable', why: `${verdict.why}; SIGKILL does not end it: ${describeWait(pid)}` };
  } finally {
    closeFd(pidfd);
  }
}

/** Judges everything again: what was true before the pidfd was opened may concern another process now. */
function judge({ lock, heartbeat }: Paths, pid: number): SilenceJudgement {
  const stat = readStat(pid);
  const isHolder = stat !== null && lockHolder(lock) === pid;
  return judgeSilence({
    holder: isHolder ? { pid, startTicks: stat.startTicks } : null,
    heartbeat: readHeartbeat(heartbeat),
    bootId: readBootId(),
    nowMs: bootMs(),
  });
}

/** Whether a killed process ends in time; a reused pid has another start time. */
async function hasGone(pid: number, startTicks: number | undefined): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < ENDED_MS_MAX; waitedMs += POLL_MS) {
    const stat = readStat(pid);
    if (stat?.startTicks !== startTicks || hasEnded(stat)) return true;
    await sleep(POLL_MS);
  }
  return false;
}
