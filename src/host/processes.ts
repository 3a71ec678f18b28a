import type { ProcessId } from '../fleet/agent.ts';
import type { FoundProcess } from '../fleet/recovery.ts';
import type { AgentExit } from '../fleet/restart.ts';
import type { Resources } from './cgroup/limits.ts';
import type { Owner, SlotPaths } from './files/slot-paths.ts';
import type { Launch } from './launcher/launch.ts';
import type { Locale, Users } from './process/accounts.ts';
import type { HelperEnd, HookOptions } from './process/errand.ts';
import type { Usage } from './process/usage.ts';
import type { OtherProcesses } from './strays/others.ts';
import type { ForeignAdoption } from './sys/process-id.ts';
import type { Result } from './sys/result.ts';

/** Of so many processes the use is told at a time. */
export const USAGE_PIDS_MAX = 256;

/** An agent to start: the place it gets, and its world. */
export interface StartRequest {
  key: string;
  places: SlotPaths;
  owner: Owner;
  launch: Launch;
}

/** Agents, what they fork and what is started beside them; slots are named by their key, `FLEET/SLOT`. */
export interface Processes {
  readonly containment: 'cgroup' | 'session';
  readonly users: Users;
  readonly locale: Locale;
  /** Processes that belong to no slot. */
  readonly others: OtherProcesses;

  /**
   * Starts agents. One that fails on its way to its program (the change of its user, its directory, the exec) is started
   * all the same: what it failed of comes with its exit.
   * @param nofile their soft limit of open files; null for what the supervisor was started with
   */
  start(requests: readonly StartRequest[], nofile: number | null): Result<ProcessId>[];
  /**
   * Holds each agent of a fleet to what its spec lets it use (null: whatever it wants); those that run follow.
   * @param agents how many there are to be
   */
  limit(fleet: string, resources: Resources | null, agents: number): void;
  /** What of a fleet's resources this host does not enforce, and why; null where it does all. */
  unenforced(fleet: string): string | null;
  /** Whether a slot's main process is where nothing that it forks can escape, soon after its start. */
  isContained(key: string): boolean;
  /** Takes over a process that an earlier supervisor started, if it still is that process and in that slot. */
  reattach(key: string, process: ProcessId): boolean;
  /**
   * Takes processes that somebody else started into slots, with all their descendants, and watches them.
   * @returns for each whether it is there; false where it has ended
   */
  adoptForeign(intakes: readonly ForeignAdoption[]): Result<boolean>[];
  /** The slot that a process belongs to; null for everybody else's. */
  keyOf(pid: number): string | null;
  /** What lives in which slot: key → processes, those that may be its agent first, the oldest first. */
  census(): Map<string, FoundProcess[]>;
  /** Sends a signal to the slot's main process; false where it has ended. @throws SystemCallError EPERM */
  signal(key: string, signal: string): boolean;
  /** Ends everything in the slot at once. Where nothing is known to run in it, `onExit` does not follow. */
  kill(key: string): void;
  /** Ends remnants in a slot that has no main process; calls back once nothing is left. */
  clear(key: string, done: () => void): void;
  /** Runs a helper process; what it forked ends with it. @throws Error where it cannot be started */
  run(launch: Launch, timeoutMs: number): Promise<HelperEnd>;
  /**
   * Runs a command of the operator's as the supervisor's own user.
   * @throws Error with how it ended and what it said, unless it exited 0 within its time
   */
  runHook(argv: readonly string[], options: HookOptions): Promise<void>;
  /** What processes use beside memory, by pid; at most USAGE_PIDS_MAX of them. */
  readUsage(pids: readonly number[]): Promise<Map<number, Usage>>;
  /** Processor time that a slot's main process has used, in milliseconds; null where nothing runs. */
  cpuMs(key: string): number | null;

  /**
   * Called when a slot's main process has ended and nothing of it is left.
   * @param exit how; null where nobody could see it
   * @param failure why it never came to its program; null where it did
   */
  onExit: (key: string, exit: AgentExit | null, failure: Error | null) => void;
  /** Called with what an agent said through NOTIFY_SOCKET. */
  onNotify: (key: string, text: string) => void;
  /** Called with what failed where nobody waits for it. */
  onProblem: (error: Error) => void;
}
