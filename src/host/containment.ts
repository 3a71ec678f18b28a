import type { ExitCause } from '../plan/restart.ts';
import type { Resources } from './cgroup-limits.ts';
import type { ProcessId } from './host.ts';

/** How slots are told by the files that their agents were started with. */
export interface SlotFiles {
  /** The slot whose log a path is; null for any other file. */
  keyOfLog(path: string): string | null;
  /** The slot whose working directory a path is. */
  keyOfDir(path: string): string | null;
}

/**
 * What proves that a process is ours and which slot it belongs to, and ends all of it. A slot is named by its key,
 * `FLEET/SLOT`.
 */
export interface Containment {
  /** `cgroup`: nothing escapes. `session`: a process that leaves its session and closes its output does. */
  readonly kind: 'cgroup' | 'session';
  /** A process was just started for a slot: it is to be where nothing that it forks can escape. */
  attach(key: string, pid: number): void;
  /** Whether a process that was attached has come there; what is not yet is not called ready. */
  isAttached(pid: number): boolean;
  /**
   * A main process has ended, and its pid is to be given back: `reap` is called once no move is under way that knows
   * the process by that pid, and none is made after it, for then it may be a stranger's.
   */
  letGo(pid: number, reap: () => void): void;
  /** A helper (prepare, a check) runs, and is of no slot; until `done` is called. */
  exempt(pid: number): { done: () => void };
  /** Takes over a process that an earlier supervisor had put into the slot. */
  adopt(key: string, pid: number): void;
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
  /** The slot that a process belongs to; null for everybody else's. */
  keyOf(pid: number): string | null;
  /**
   * What lives in any slot: key → pids. A start that was cut off before the attach is put where it belongs if it was
   * noted, and ended if nobody knows of it.
   */
  census(noted: (pid: number) => string | null): Map<string, number[]>;
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
  /** Asked for a slot's main process as long as it lives. */
  mainOf: (key: string) => { startTicks: number } | null;
  /** Called with what failed where nobody waits for it. */
  onProblem: (error: Error) => void;
  /** Gives up what was taken for this supervisor itself. */
  close(): void;
}
