import type { ProcessId } from '../fleet/agent.ts';
import type { AgentExit } from '../fleet/exit.ts';
import type { FoundProcess } from '../fleet/recovery.ts';
import type { Resources } from './cgroup/limits.ts';
import type { Owner, SlotPaths } from './files/slot-paths.ts';
import type { Launch } from './launcher/launch.ts';
import type { Locale, Users } from './process/accounts.ts';
import type { HelperEnd, HookOptions } from './process/errand.ts';
import type { Usage } from './process/usage.ts';
import type { OtherProcesses } from './strays/others.ts';
import type { ForeignAdoption } from './sys/process-id.ts';
import type { Result } from './sys/result.ts';

/** The maximum number of processes whose use is read at a time. */
export const USAGE_PIDS_MAX = 256;

/** An agent to start: its slot's paths, and its environment. */
export interface StartRequest {
  key: string;
  paths: SlotPaths;
  owner: Owner;
  launch: Launch;
}

/** Agents, their forks and errands; slots are named by their key, `FLEET/SLOT`. */
export interface Processes {
  readonly containment: 'cgroup' | 'session';
  readonly users: Users;
  readonly locale: Locale;
  /** Processes that belong to no slot. */
  readonly others: OtherProcesses;

  /**
   * Starts agents. One that fails on its way to its program (the change of its user, its directory, the exec) counts as
   * started: the reason of its failure comes with its exit. With a sandbox, the process is bubblewrap's at first; soon
   * after, `onMain` follows.
   */
  start(requests: readonly StartRequest[]): Result<ProcessId>[];
  /**
   * Applies the resources of a spec to each agent of a fleet (null: no limits), running agents included.
   * @param agents the number of agents that there will be
   */
  limit(fleet: string, resources: Resources | null, agents: number): void;
  /** The part of a fleet's resources that this host does not enforce, and why; null if it enforces all. */
  unenforced(fleet: string): string | null;
  /** Whether a slot's main process is where nothing that it forks can escape, soon after its start. */
  isContained(key: string): boolean;
  /** Reattaches a process that an earlier supervisor started, if it still is that process and in that slot. */
  reattach(key: string, process: ProcessId): boolean;
  /**
   * Moves processes that others started into slots, with all their descendants, and watches them.
   * @returns for each whether it exists; false if it has ended
   */
  adoptForeign(intakes: readonly ForeignAdoption[]): Result<boolean>[];
  /** The slot that a process belongs to; null if it belongs to none. */
  keyOf(pid: number): string | null;
  /** Everything that lives in slots: key → processes, those that may be its agent first, then by age. */
  census(): Map<string, FoundProcess[]>;
  /**
   * Sends a signal to the slot's main process, or keeps it until that is in its sandbox.
   * @returns false if it has ended
   * @throws SystemCallError EPERM
   */
  signal(key: string, signal: string): boolean;
  /**
   * Sends a signal to every process in the slot.
   * @returns how many got it, and why the kernel refused it to another one; null if it did not
   */
  signalAll(key: string, signal: string): { sent: number; refusal: string | null };
  /**
   * Makes another process of the slot its main process. Both processes are held by pidfds while they are checked.
   * @param sender the process that has named it, as the kernel vouches for it; null if a file has
   * @returns its identity, or why it cannot be: it does not live in the slot, or in another pid namespace
   */
  succeed(key: string, pid: number, sender: number | null): Result<ProcessId>;
  /**
   * Tries whether agents can have a sandbox here.
   * @throws FleetError EXECUTABLE_UNUSABLE without bubblewrap, PRIVILEGE_MISSING with what it says
   */
  trySandbox(): Promise<void>;
  /** Ends everything in the slot, at once and until nothing is left. */
  kill(key: string): void;
  /** Watches a slot without a main process, in which something lives; `onEmpty` follows. */
  watchRemnants(key: string): void;
  /**
   * Runs a helper; what it forked ends with it.
   * @param signal ends it when it aborts
   * @throws Error if it cannot be started
   */
  run(launch: Launch, timeoutMs: number, signal?: AbortSignal): Promise<HelperEnd>;
  /**
   * Runs a command of the operator as the supervisor's own user.
   * @throws Error with how it ended and its output, unless it exited 0 in time
   */
  runHook(argv: readonly string[], options: HookOptions): Promise<void>;
  /** The resource use of processes, without memory, by pid; at most USAGE_PIDS_MAX of them. */
  readUsage(pids: readonly number[]): Promise<Map<number, Usage>>;
  /** Processor time that a slot's main process has used, in milliseconds; null if nothing runs. */
  cpuMs(key: string): number | null;

  /**
   * Called when a slot's main process has ended.
   * @param exit its exit status; null if unknown
   * @param failure why its program could not be executed; null if it was
   * @param left how many processes still live in the slot; if any, `onEmpty` follows when none does
   */
  onExit: (key: string, exit: AgentExit | null, failure: Error | null, left: number) => void;
  /** Called when a slot's main process is in its sandbox: from then on it is this process, not bubblewrap's. */
  onMain: (key: string, process: ProcessId) => void;
  /** Called when nothing lives any more in a slot whose main process had ended before. */
  onEmpty: (key: string) => void;
  /** Called with a message that a process of an agent sent through NOTIFY_SOCKET. */
  onNotify: (key: string, text: string, pid: number) => void;
  /** Called with failures that no caller waits for. */
  onProblem: (error: Error) => void;
}
