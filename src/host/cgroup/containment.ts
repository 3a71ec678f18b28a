import type { ProcessId } from '../../fleet/agent.ts';
import type { ExitCause } from '../../fleet/restart.ts';
import type { Resources } from './limits.ts';

/** How slots are told by the files that their agents were started with. */
export interface SlotFiles {
  /** The slot whose log a path is; null for any other file. */
  keyOfLog(path: string): string | null;
  /** The slot whose working directory a path is. */
  keyOfDir(path: string): string | null;
}

/** What is started beside agents: a helper ends with all that it forked, what a hook leaves in the background goes on. */
export type ErrandKind = 'helper' | 'hook';

/** Where something lives that is of no slot. */
export interface Errand {
  /** The cgroup that it is to be started in; undefined where there is none. */
  readonly cgroup: string | undefined;
  /** Ends it with all that it forked. @param pid its main process, not reaped yet */
  kill(pid: number): void;
  /** It has ended, and its place is taken away. */
  done(): void;
}

/**
 * What proves that a process is ours and which slot it belongs to, and ends all of it. A slot is named by its key,
 * `FLEET/SLOT`.
 */
export interface Containment {
  /** `cgroup`: nothing escapes. `session`: a process that leaves its session and closes its output does. */
  readonly kind: 'cgroup' | 'session';
  /** Makes a slot's place. @returns the cgroup that its agent is to be started in; undefined where there is none */
  place(key: string): string | undefined;
  /** A slot has this main process now: one that was just started, or that an earlier supervisor had started. */
  reattach(key: string, pid: number): void;
  /** Whether a main process is where nothing that it forks can escape: a launcher goes there as its first act. */
  hasArrived(key: string, pid: number): boolean;
  /** A place for something that is of no slot. */
  errand(kind: ErrandKind): Errand;
  /** Whether a process that was found in a slot was started for an errand, and so is not the slot's agent. */
  isErrand(pid: number): boolean;
  /**
   * Puts a process that somebody else started into the slot.
   * @returns false where it is gone, or nothing here could hold it
   * @throws Error where the kernel refuses
   */
  take(key: string, process: ProcessId): boolean;
  /** Whether anything of the slot still lives. Asked only after its main process has ended. */
  isPopulated(key: string): boolean;
  /** Ends whatever lives in the slot, at once. */
  kill(key: string): void;
  /** A slot's main process, a child of this one, has ended and is not reaped yet: its number is still nobody else's. */
  ended(pid: number): void;
  /** The slot that a process belongs to; null for everybody else's. */
  keyOf(pid: number): string | null;
  /**
   * What lives in any slot: key → pids. Starts that were cut off come to their slots or are ended, and so is what an
   * earlier supervisor's helpers have left.
   */
  census(): Map<string, number[]>;
  /** Takes the places of slots away. */
  leave(keys: readonly string[]): void;
  /**
   * Holds each agent of a fleet to what its spec lets it use (null: whatever it wants); those that run follow.
   * @param agents how many there are to be
   */
  limit(fleet: string, resources: Resources | null, agents: number): void;
  /** What of a fleet's resources is not enforced, and why; null where all is. */
  unenforced(fleet: string): string | null;
  /** Why the kernel has killed in a slot since this was asked last; null where it has not, or nobody can know. */
  oomSince(key: string): ExitCause | null;
  /** Called with what failed where nobody waits for it. */
  onProblem: (error: Error) => void;
  /** Gives up what was taken for this supervisor itself. */
  close(): void;
}
