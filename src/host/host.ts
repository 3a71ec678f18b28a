import type { Facts } from './facts.ts';
import type { Files } from './files.ts';
import type { Memory } from './memory.ts';
import type { Processes } from './processes.ts';
import type { Sockets } from './sockets.ts';

export type { SlotFiles } from './cgroup/containment.ts';
export type { Facts } from './facts.ts';
export type { LogBounds } from './files/log-bound.ts';
export type { LogLook } from './files/log-parts.ts';
export type { ReadsOthers } from './files/reader.ts';
export type { Owner, SlotPaths } from './files/slot-paths.ts';
export type { Files, LogFiles, VacatedSlot } from './files.ts';
export type { Launch, Limits, Output, Sandbox, User } from './launcher/launch.ts';
export type { Memory } from './memory.ts';
export type { HttpOptions, HttpPlace } from './net/http-get.ts';
export type { Connections } from './proc/net.ts';
export type { Account, Locale, Users } from './process/accounts.ts';
export type { HelperEnd, HookOptions, RunningErrand } from './process/errand.ts';
export type { Usage } from './process/usage.ts';
export type { Processes, StartRequest } from './processes.ts';
export type { Sockets } from './sockets.ts';
export type { FoundProgram, Suspected } from './strays/find.ts';
export type { OtherProcesses, ProcessHandle } from './strays/others.ts';
export type { ForeignAdoption } from './sys/process-id.ts';
export type { ReadProblem } from './sys/read-problem.ts';

/**
 * The operating system, as the supervisor needs it. One implementation is Linux (linux/linux.ts); the other is the
 * tests' simulated host, which has no OS beneath it.
 */
export interface Host {
  readonly bootId: string;
  readonly processes: Processes;
  readonly sockets: Sockets;
  readonly memory: Memory;
  readonly files: Files;
  readonly facts: Facts;
  /** Milliseconds since boot. */
  now(): number;
  /** The wall clock, for people. */
  date(): Date;
  /** Closes everything; agents continue. */
  close(): Promise<void>;
}
