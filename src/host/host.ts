import type { HostMemory } from '../fleet/pressure.ts';
import type { AgentExit, ExitStatus } from '../fleet/restart.ts';
import type { Resources } from './cgroup/limits.ts';
import type { ReadsOthers } from './files/reader.ts';
import type { Owner, SlotPaths } from './files/slot-paths.ts';
import type { PortRange, PortTable, Protocol } from './proc/net.ts';
import type { HookOptions } from './process/hook.ts';
import type { Launch } from './process/spawn.ts';
import type { Usage } from './process/usage.ts';
import type { ForeignAdoption } from './strays/adopt-foreign.ts';

/** A process for certain, until the next boot. */
export interface ProcessId {
  pid: number;
  /** Start time in clock ticks since boot (/proc/PID/stat). */
  startTicks: number;
}

/** A process found in a slot. */
export interface FoundProcess extends ProcessId {
  /**
   * It leads a session, as an agent does from its start (what it forked does so only by its own doing), and was not
   * started beside one (prepare, a check).
   */
  leads: boolean;
}

/** Something that was started and is of no slot. */
export interface RunningErrand {
  /**
   * Waits for its end, or ends it with all that it forked once `timeoutMs` are over.
   * @returns how it ended; null where it took too long
   * @throws Error where it never came to its program
   */
  end(timeoutMs: number): Promise<HelperEnd>;
}

/** An agent to start: the place it gets, and its world. */
export interface StartRequest {
  key: string;
  places: SlotPaths;
  owner: Owner;
  launch: Launch;
}

/** How a helper (prepare, an exec check) ended; null where it was killed for taking too long. */
export type HelperEnd = ExitStatus | null;

/**
 * The operating system, as far as the supervisor needs it; slots are named by their key, `FLEET/SLOT`.
 * One implementation is Linux; tests have a twin without any.
 */
export interface Host {
  readonly bootId: string;
  readonly containment: 'cgroup' | 'session';
  /** Reads files and processes of others, which may hang. */
  readonly reader: ReadsOthers;
  /** Milliseconds since boot. */
  now(): number;
  /** The wall clock, for people. */
  date(): Date;

  /**
   * Starts agents; what one failed of stands in its place in the answer, unless it failed on the way to its program
   * (the change of its user, its directory, the exec): that comes with its exit.
   * @param nofile their soft limit of open files; null for what the supervisor was started with
   */
  start(requests: readonly StartRequest[], nofile: number | null): (ProcessId | Error)[];
  /**
   * Holds each agent of a fleet to what its spec lets it use (null: whatever it wants); those that run follow.
   * @param agents how many there are to be
   */
  limit(fleet: string, resources: Resources | null, agents: number): void;
  /** What of a fleet's resources this host does not enforce, and why; null where it does all. */
  unenforced(fleet: string): string | null;
  /** Whether a slot's main process is where nothing that it forks can escape, soon after its start. */
  isContained(key: string): boolean;
  /** Makes a slot's directories and clears a stale socket, as start() does, for a helper that runs before it. */
  readySlot(places: SlotPaths, owner: Owner): void;
  /**
   * Gives a slot's directories, where they are another user's, to its user; beside the loop.
   * @returns null where nothing is to be done
   */
  handOver(places: SlotPaths, owner: Owner): Promise<void> | null;
  /** Makes a slot's directory, and the names in it, survive a power cut; what files hold is up to who wrote them. */
  persistSlot(places: SlotPaths): void;
  /** Takes over a process that an earlier supervisor started, if it still is that process and in that slot. */
  reattach(key: string, process: ProcessId): boolean;
  /**
   * Takes processes that somebody else started into slots, with all their descendants, and watches them.
   * @returns for each whether it is there; false where it has ended; an Error where the host refuses
   */
  adoptForeign(intakes: readonly ForeignAdoption[]): (boolean | Error)[];
  /** The slot that a process belongs to; null for everybody else's. */
  keyOf(pid: number): string | null;
  /** What lives in which slot: key → processes, those that may be its agent first, the oldest first. */
  census(): Map<string, FoundProcess[]>;
  /** Sends a signal to the slot's main process; false where it has ended. */
  signal(key: string, signal: string): boolean;
  /** Ends everything in the slot at once. Where nothing is known to run in it, `onExit` does not follow. */
  kill(key: string): void;
  /** Ends remnants in a slot that has no main process; calls back once nothing is left. */
  clear(key: string, done: () => void): void;
  /** Takes away what slots have on the host beside their state directories. */
  vacate(slots: readonly { key: string; places: SlotPaths }[]): void;
  /** Runs a helper process; what it forked ends with it. @throws Error where it cannot be started */
  run(launch: Launch, timeoutMs: number): Promise<HelperEnd>;

  /**
   * Runs a command of the operator's as the supervisor's own user.
   * @throws Error with how it ended and what it said, unless it exited 0 within its time
   */
  runHook(argv: readonly string[], options: HookOptions): Promise<void>;

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

  /** Who serves which port of a range, in one pass. */
  readPorts(protocol: Protocol, range: PortRange): PortTable;
  /** Whether a slot's processes hold one of these sockets. */
  holds(key: string, inodes: readonly number[]): boolean;
  /** `pid 991 (nginx)` for the holder of one of these sockets; null where it cannot be found. */
  holderOf(inodes: readonly number[]): string | null;
  /** Why no connection to a slot's own socket is possible; null where it is. */
  socketProblem(key: string, path: string): string | null;
  /** How many established TCP connections each local port has. */
  readConnections(): Promise<Uint32Array>;
  /** The memory of the host, or of the container that limits it. */
  readMemory(): HostMemory;
  /** What processes use beside memory, by pid; at most USAGE_PIDS_MAX of them. */
  readUsage(pids: readonly number[]): Promise<Map<number, Usage>>;
  /** A slot's resident memory in bytes; null where nothing runs. */
  rssBytes(key: string): number | null;
  /** Processor time that a slot's main process has used, in milliseconds; null where nothing runs. */
  cpuMs(key: string): number | null;
  /** Its proportional memory. */
  pssBytes(key: string): number | null;
  /** Gives everything back; agents run on. */
  close(): Promise<void>;
}
