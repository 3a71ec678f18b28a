import type { AgentExit, LastExit } from './exit.ts';

/** All times of the planner are milliseconds since boot: they outlive the supervisor and never jump with the wall clock. */
export type BootMs = number;

/** The time of a decision: milliseconds since boot for the planner, the wall clock for people. */
export interface Moment {
  now: BootMs;
  date: Date;
}

/** Identifies a process until the next boot. */
export interface ProcessId {
  pid: number;
  /** Start time in clock ticks since boot (/proc/PID/stat). */
  startTicks: number;
}

/** A running process of an agent. */
export interface Run extends ProcessId {
  startedAt: BootMs;
  /** `startedAt` for people: ISO 8601, the same string for as long as the agent runs. */
  startedIso: string;
  /** The release it was started with; the slot's own release and generation are what it should have. */
  release: string;
  generation: number;
  /** Why it is to be replaced without a request: it has outgrown its limit. */
  recycle?: string;
  /** Which symbolic link in its paths led elsewhere at its start than when its release was made, in words. */
  moved?: string;
  /** It was starting while no supervisor ran, so its start took an unknown time. */
  isFoundStarting?: true;
}

/** Why a running agent is being stopped, which decides what comes after it. `itself`: it has said STOPPING=1. */
export type StopCause = 'unwanted' | 'stop-all' | 'restart' | 'not-ready' | 'unhealthy' | 'itself';

/** The work that must precede a start. */
export type Work = 'prepare' | 'before' | 'hand-over';

/** What a slot becomes when nothing lives in it any more. */
export type Ended =
  /**
   * Nothing runs, and the slot itself needs no wait: what delays its start is the fleet (plan.ts) or the host.
   * `isCleared`: `start.before` has succeeded for this start.
   */
  | { state: 'pending'; reason: string; isCleared?: true }
  /** It ended, and starts again when due. */
  | { state: 'backoff'; due: BootMs; reason: string }
  /** It ended; no automatic start follows. */
  | { state: 'failed'; reason: string }
  /** It ended with success, and is not started again (`restart.on`); durable once `Wish.completed` is. */
  | { state: 'completed'; reason: string };

/** An agent that is supposed to serve. */
export type Serving =
  | { state: 'starting'; run: Run; deadline: BootMs; waitingFor: string }
  | { state: 'ready'; run: Run; readyAt: BootMs }
  /** It was ready; its last health checks failed. */
  | { state: 'unready'; run: Run; readyAt: BootMs; misses: number; reason: string };

/** What is in a slot: one state at a time, each with the data that only it has. */
export type Agent =
  | Ended
  | Serving
  /**
   * What must precede the slot's start is under way. `isStale`: it is to be ended, because the slot or its command has
   * changed; `isAborted`: it is being ended.
   */
  | { state: 'preparing'; since: BootMs; work: Work; isStale?: true; isAborted?: true }
  /** Its main process has ended; the successor that `pidFile` names is awaited. */
  | { state: 'orphaned'; was: Serving; exit: AgentExit; at: string; left: number; until: BootMs }
  | {
      state: 'stopping';
      run: Run;
      readyAt: BootMs | null;
      cause: StopCause;
      reason: string;
      /** When the stop began: the grace counts from then. */
      since: BootMs;
      /** The grace lasts at least until then: the agent has asked for it (EXTEND_TIMEOUT_USEC). */
      extendedTo: BootMs;
      /** `command`: `stop.command` runs, and the signal follows. */
      phase: 'command' | 'signalled' | 'killed';
    }
  /** The main process has ended, but processes that it forked still live. */
  | {
      state: 'clearing';
      /** When the stop or the exit was. */
      since: BootMs;
      /** The time they have; null: that of a stop (`stop.grace`). */
      graceMs: number | null;
      extendedTo: BootMs;
      /** `new`: they get the signal next. */
      phase: 'new' | 'signalled' | 'killed';
      /** The signal that they get. */
      signal: string;
      next: Ended;
    };

export type AgentStateName = Agent['state'];

/** What is wanted of a slot, and known of it for ever; `SlotRecord` is what survives of it. */
export interface Wish {
  release: string;
  /** Grows with every restart that is requested; an agent of an older generation is due for one. */
  generation: number;
  /** Its `prepare` has succeeded. */
  prepared: boolean;
  /** Its agent has completed: it is not started again until a restart or a new release. */
  completed: boolean;
  /** It is not wanted any more, and is stopped without grace. */
  urgent: boolean;
  /** Its directory and its logs are deleted once it is vacated. */
  purge: boolean;
}

/** What has happened in a slot: it outlives the supervisor, but not the boot. */
export interface Past {
  /** How often an agent was restarted here after one had ended unasked. */
  restarts: number;
  /** Consecutive failed starts. */
  failures: number;
  /** When it was restarted after failures, oldest first, as far as `restart.attempts` counts them. */
  attempts: readonly BootMs[];
  lastExit: LastExit | null;
}

/** A slot: what is wanted of it, what is in it, and what happened in it. */
export interface Slot extends Wish, Past {
  readonly number: number;
  wanted: boolean;
  agent: Agent;
}

/** The wish for a slot of which nothing was asked before. */
export function freshWish(release: string, prepared: boolean): Wish {
  return { release, generation: 0, prepared, completed: false, urgent: false, purge: false };
}

/** What of a slot is its wish. */
export function wishOf({ release, generation, prepared, completed, urgent, purge }: Wish): Wish {
  return { release, generation, prepared, completed, urgent, purge };
}

/** What of a slot, or of its run record, is its past. */
export function pastOf({ restarts, failures, attempts, lastExit }: Past): Past {
  return { restarts, failures, attempts, lastExit };
}

const NO_PAST: Past = { restarts: 0, failures: 0, attempts: [], lastExit: null };

/** A slot in which nothing has ever run. */
export function newSlot(number: number, wish: Wish): Slot {
  const agent: Agent = { state: 'pending', reason: 'new' };
  return { ...wish, ...NO_PAST, number, wanted: false, agent };
}

/** The main process in a slot, if one runs. */
export function runOf(agent: Agent): Run | null {
  return 'run' in agent ? agent.run : null;
}

/** Whether an agent is supposed to serve. */
export function isServing(agent: Agent): agent is Serving {
  return agent.state === 'starting' || agent.state === 'ready' || agent.state === 'unready';
}
