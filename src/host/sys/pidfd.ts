import { constants } from 'node:os';
import { signalName, signalNumber } from '../../specification/signals.ts';
import { check, lastError, libc, SIZE, SystemCallError } from './libc.ts';

/** System call numbers shared by all architectures since 5.x (asm-generic/unistd.h). */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const P_ALL = 0;
const P_PID = 1;
const P_PIDFD = 3;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;
const CLD_EXITED = 1;

/** How a process ended: its exit code or the name of the signal that ended it. */
export interface ProcessExit {
  code: number | null;
  signal: string | null;
}

/**
 * A descriptor that stands for this one process, and never for a later one with the same pid (pidfd_open(2)). Null if the
 * process no longer exists. Throws SystemCallError (EMFILE, ENFILE).
 */
export function openPidfd(pid: number): number | null {
  const fd = Number(libc.syscall(SYS_PIDFD_OPEN, pid, 0, null, 0));
  if (fd >= 0) return fd;
  const code = lastError();
  if (code === 'ESRCH' || code === 'EINVAL') return null;
  throw new SystemCallError('pidfd_open', constants.errno[code as keyof typeof constants.errno]);
}

/**
 * A descriptor of our own for a file that another process has open, in the table of its main thread (pidfd_getfd(2),
 * Linux 5.6); closed on exec. Throws SystemCallError (EBADF, EMFILE, EPERM).
 */
export function copyFd(pidfd: number, fd: number): number {
  return check('pidfd_getfd', Number(libc.syscall(SYS_PIDFD_GETFD, pidfd, fd, null, 0)));
}

/** Sends a signal by its name (SIGHUP, SIGRTMIN+3); false if the process has ended. Throws SystemCallError (EPERM). */
export function signalPidfd(fd: number, signal: string): boolean {
  const number = signalNumber(signal);
  if (number === null) throw new Error(`there is no signal ${signal}`);
  if (Number(libc.syscall(SYS_PIDFD_SEND_SIGNAL, fd, number, null, 0)) >= 0) return true;
  const code = lastError();
  if (code === 'ESRCH') return false;
  throw new SystemCallError('pidfd_send_signal', constants.errno[code as keyof typeof constants.errno]);
}

/** Whether the process of a pidfd still exists, if only as a zombie. */
export function isAlive(fd: number): boolean {
  return Number(libc.syscall(SYS_PIDFD_SEND_SIGNAL, fd, 0, null, 0)) >= 0 || lastError() === 'EPERM';
}

/** Kills a process if `isOurs` still holds once a pidfd stands for it, so that no reused pid can be hit. */
export function killIf(pid: number, isOurs: () => boolean): void {
  const fd = openPidfd(pid);
  if (fd === null) return;
  try {
    if (isOurs()) signalPidfd(fd, 'SIGKILL');
  } finally {
    closeFd(fd);
  }
}

const info = Buffer.alloc(SIZE.signalInfo);

/**
 * Reaps the child behind a readable pidfd and returns how it ended; null if it was not our child (an adopted agent: only
 * its own parent learns the status). Waits for this one process only, so that no other code loses its children.
 */
export function reapPidfd(fd: number): ProcessExit | null {
  info.fill(0);
  if (libc.waitid(P_PIDFD, fd, info, WEXITED | WNOHANG) < 0) return null;
  return toStatus();
}

/**
 * The pid of a child that has ended and is not reaped yet, the one that has been a child of this process for the longest
 * time; null if there is none. It remains a zombie, for whoever waits for it.
 */
export function endedChild(): number | null {
  info.fill(0);
  if (libc.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) < 0) return null;
  return info.readInt32LE(16) || null;
}

/** siginfo_t of SIGCHLD: si_code at byte 8, si_pid at 16, si_status at 24 (64-bit layouts). */
function toStatus(): ProcessExit | null {
  if (info.readInt32LE(16) === 0) return null;
  const status = info.readInt32LE(24);
  if (info.readInt32LE(8) === CLD_EXITED) return { code: status, signal: null };
  return { code: null, signal: signalName(status) };
}

/** Waits for the end of a child, and returns how it ended. Blocks until then; null if it is not our child. */
export function reapPid(pid: number): ProcessExit | null {
  info.fill(0);
  return libc.waitid(P_PID, pid, info, WEXITED) < 0 ? null : toStatus();
}

/**
 * Runs the step that makes a child that was just started known to the supervisor. If it fails, the child is killed, so
 * that no process runs unsupervised.
 * @returns what `work` returns
 * @throws what `work` throws
 */
export function orKill<T>(pid: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // Not reaped, so the pid is still this child's.
    process.kill(pid, 'SIGKILL');
    reapPid(pid);
    throw error;
  }
}

/** Closes a pidfd, or any descriptor that came from libc. */
export function closeFd(fd: number): void {
  check('close', libc.close(fd));
}
