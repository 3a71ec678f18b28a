import type { ProcessId } from '../../fleet/agent.ts';
import type { ExitCause } from '../../fleet/exit.ts';
import type { Resources } from './limits.ts';

/** Finds slots by the files that their agents were started with. */
export interface SlotFiles {
  /** The slot whose log a path is; null for any other file. */
  keyOfLog(path: string): string | null;
  /** The slot whose working directory a path is. */
  keyOfDir(path: string): string | null;
}

/** The kinds of errands: a helper ends with everything that it forked; what a hook leaves in the background continues. */
export type ErrandKind = 'helper' | 'hook';

/** The cgroup of an errand. */
export interface Errand {
  /** The cgroup that it must be started in; undefined if there is none. */
  readonly cgroup: string | undefined;
  /** Ends it with everything that it forked. @param pid its main process, not reaped yet */
  kill(pid: number): void;
  /** It has ended, and its cgroup is removed. */
  done(): void;
}

/**
 * Proves that a process is ours and which slot it belongs to, and ends all of it. A slot is named by its key,
 * `FLEET/SLOT`.
 */
export interface Containment {
  /** `cgroup`: nothing escapes. `session`: a process that leaves its session and closes its output does. */
  readonly kind: 'cgroup' | 'session';
  /** Gives the launcher of this supervisor its place. */
  house(launcher: number): void;
  /** Makes a slot's cgroup. @returns the cgroup to start its agent in; undefined if there is none */
  place(key: string): string | undefined;
  /** The slot's cgroup is not used for another start: something may have killed in it by other means than ours. */
  renew(key: string): void;
  /** Sets the main process of a slot: one that was just started, or that an earlier supervisor started. */
  reattach(key: string, pid: number): void;
  /** Whether a main process is where nothing that it forks can escape: a launcher moves there as its first act. */
  hasArrived(key: string, pid: number): boolean;
  /** Makes a place for an errand. */
  errand(kind: ErrandKind): Errand;
  /** Whether a process that was found in a slot is an errand, and so not the slot's agent. */
  isErrand(pid: number): boolean;
  /**
   * Moves a process that others started into the slot.
   * @returns false if it is gone, or nothing here could hold it
   * @throws Error if the kernel refuses
   */
  take(key: string, process: ProcessId): boolean;
  /** Whether anything of the slot still lives; valid only after its main process has ended. */
  isPopulated(key: string): boolean;
  /** The pids of everything that lives in the slot. */
  members(key: string): number[];
  /** Ends everything that lives in the slot, at once. */
  kill(key: string): void;
  /**
   * A slot's main process, a child of this one, has ended after everything in the slot was killed. It is not reaped yet, so
   * that its pid is not reused.
   */
  ended(pid: number): void;
  /** The slot that a process belongs to; null if it belongs to none. */
  keyOf(pid: number): string | null;
  /**
   * Everything that lives in any slot: key → pids. Interrupted starts arrive in their slots or are ended; the remnants of
   * an earlier supervisor's helpers are ended.
   */
  census(): Map<string, number[]>;
  /** Removes the cgroups of slots. */
  leave(keys: readonly string[]): void;
  /**
   * Applies the resources of a spec to each agent of a fleet (null: no limits), running agents included.
   * @param agents the number of agents that there will be
   */
  limit(fleet: string, resources: Resources | null, agents: number): void;
  /** The part of a fleet's resources that is not enforced, and why; null if all is. */
  unenforced(fleet: string): string | null;
  /** Why the kernel has killed in a slot since the last call; null if it has not, or it is unknown. */
  oomSince(key: string): ExitCause | null;
  /** Called with failures that no caller waits for. */
  onProblem: (error: Error) => void;
  /** Gives up what this supervisor itself owns. */
  close(): void;
}
