import type { ProcessId } from '../../fleet/agent.ts';
import type { Executable } from '../../fleet/strays/fingerprint.ts';
import type { Origin } from './origin.ts';

/** A process held by something that never stands for another one with the same pid. */
export interface ProcessHandle {
  /** Sends a signal; false where the process has ended. @throws SystemCallError where it may not be signalled (EPERM) */
  signal(name: string): boolean;
  /** Lets it go. */
  close(): void;
}

/** Processes that belong to no slot: strays among them, whose fate the supervisor may decide, and everybody else's. */
export interface OtherProcesses {
  /** All pids that this process may see. */
  list(): number[];
  /** A process for certain; null where there is none of this pid. */
  identify(pid: number): ProcessId | null;
  /** The pid of a process's parent; null where it is gone. */
  parentOf(pid: number): number | null;
  /** The pids of a process's parent, that one's parent, and so on up to 1. */
  ancestorsOf(pid: number): number[];
  /** What a process executes; null where it is gone, closed to us, a kernel thread or a zombie. */
  executableOf(pid: number): Executable | null;
  /** Its real, effective and saved uid; empty where it is gone. */
  uidsOf(pid: number): number[];
  /** Who started a process, as far as that can still be seen. */
  originOf(pid: number): Origin;
  /** The inodes of the sockets that a process holds. */
  socketsOf(pid: number): number[];
  /** Resident memory in bytes; null where the process is gone. */
  rssBytes(pid: number): number | null;
  /** Whether a process is there, and still the one that is meant. */
  isStill(process: ProcessId): boolean;
  /** Holds a process, so that a signal can hit no other; null where there is none of this pid. @throws SystemCallError */
  hold(pid: number): ProcessHandle | null;
}
