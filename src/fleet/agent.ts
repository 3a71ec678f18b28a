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
  /** It was starting while no supervisor ran, so its start took an unknown time. */
  isFoundStarting?: true;
}

/** Why a running agent is being stopped, which decides what comes after it. */
export type StopCause = 'unwanted' | 'stop-all' | 'restart' | 'not-ready' | 'unhealthy';

/** What is in a slot: one state at a time, each with the data that only it has. */
export type Agent =
  /** Nothing runs, and the slot itself needs no wait: what delays its start is the fleet (plan.ts) or the host. */
  | { state: 'pending'; reason: string }
  /** The slot's `prepare` command runs, or its directories are being handed to its user. */
  | { state: 'preparing'; since: BootMs }
  | { state: 'starting'; run: Run; deadline: BootMs; waitingFor: string }
  | { state: 'ready'; run: Run; readyAt: BootMs }
  /** It was ready; its last health checks failed. */
  | { state: 'unready'; run: Run; readyAt: BootMs; misses: number; reason: string }
  | {
      state: 'stopping';
      run: Run;
      readyAt: BootMs | null;
      cause: StopCause;
      reason: string;
      deadline: BootMs;
      killed: boolean;
    }
  /** No agent, but processes that one forked are still being ended. */
  | { state: 'clearing' }
  /** It ended, and starts again when due. */
  | { state: 'backoff'; due: BootMs; reason: string }
  /** It ended; no automatic start follows. */
  | { state: 'failed'; reason: string };

export type AgentStateName = Agent['state'];

/** What is wanted of a slot, and known of it for ever; `SlotRecord` is what survives of it. */
export interface Wish {
  release: string;
  /** Grows with every restart that is requested; an agent of an older generation is due for one. */
  generation: number;
  /** Its `prepare` has succeeded. */
  prepared: boolean;
}

/** What has happened in a slot: it outlives the supervisor, but not the boot. */
export interface Past {
  /** How often an agent was restarted here after one had ended unasked. */
  restarts: number;
  /** Consecutive failed starts. */
  failures: number;
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
  return { release, generation: 0, prepared };
}

/** What of a slot is its wish. */
export function wishOf({ release, generation, prepared }: Wish): Wish {
  return { release, generation, prepared };
}

/** What of a slot, or of its run record, is its past. */
export function pastOf({ restarts, failures, lastExit }: Past): Past {
  return { restarts, failures, lastExit };
}

const NO_PAST: Past = { restarts: 0, failures: 0, lastExit: null };

/** A slot in which nothing has ever run. */
export function newSlot(number: number, wish: Wish): Slot {
  const agent: Agent = { state: 'pending', reason: 'new' };
  return { ...wish, ...NO_PAST, number, wanted: false, agent };
}

/** The process in a slot, if one runs. */
export function runOf(agent: Agent): Run | null {
  return 'run' in agent ? agent.run : null;
}

/** When time changes the state: a deadline to act on, or the time of the next start. */
export function deadlineOf(agent: Agent): BootMs | null {
  switch (agent.state) {
    case 'backoff':
      return agent.due;
    case 'starting':
      return agent.deadline;
    case 'stopping':
      return agent.killed ? null : agent.deadline;
    default:
      return null;
  }
}

/** How the latest agent of a slot ended. */
export interface LastExit {
  code: number | null;
  signal: string | null;
  reason: string;
  at: string;
}
