import type { ProcessId } from '../../fleet/agent.ts';
import type { Executable } from '../../fleet/strays/fingerprint.ts';
import type { Origin } from './origin.ts';

/** A handle of a process, which never stands for another one with the same pid. */
export interface ProcessHandle {
  /** Sends a signal; false if the process has ended. @throws SystemCallError if it may not be signalled (EPERM) */
  signal(name: string): boolean;
  /** Closes the handle. */
  close(): void;
}

/** Processes that belong to no slot: strays, whose end the supervisor may decide, and all others. */
export interface OtherProcesses {
  /** All pids that this process may see. */
  list(): number[];
  /** The identity of a process; null if none has this pid. */
  identify(pid: number): ProcessId | null;
  /** The pid of a process's parent; null if it is gone. */
  parentOf(pid: number): number | null;
  /** The pids of a process's ancestors, its parent first, up to 1. */
  ancestorsOf(pid: number): number[];
  /** The executable of a process; null if it is gone, inaccessible, a kernel thread or a zombie. */
  executableOf(pid: number): Executable | null;
  /** Its real, effective and saved uid; empty if it is gone. */
  uidsOf(pid: number): number[];
  /** How a process was started, if that is still visible. */
  originOf(pid: number): Origin;
  /** The inodes of the sockets that a process holds. */
  socketsOf(pid: number): number[];
  /** Resident memory in bytes; null if the process is gone. */
  rssBytes(pid: number): number | null;
  /** Whether a process exists, and is still the intended one. */
  isStill(process: ProcessId): boolean;
  /** Opens a handle, so that a signal can hit no other process; null if none has this pid. @throws SystemCallError */
  hold(pid: number): ProcessHandle | null;
}
