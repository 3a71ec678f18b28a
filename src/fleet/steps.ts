import type { BootMs, StopCause } from './agent.ts';
import type { RolloutChange } from './rollout/changes.ts';

/** What to do next: complete in itself, so that execution has nothing left to choose. `reason` goes to the event log. */
export type Step =
  /** Run the slot's `prepare` command, once before its first start. */
  | { do: 'prepare'; slot: number; reason: string }
  | { do: 'start'; slot: number; reason: string }
  /** Send the stop signal; the grace begins. */
  | { do: 'stop'; slot: number; cause: StopCause; reason: string }
  /** The grace is over: SIGKILL. */
  | { do: 'kill'; slot: number; reason: string }
  /** The slot is not wanted and nothing runs in it: clear what it left on the host. */
  | { do: 'vacate'; slot: number; reason: string }
  /** The storm breaker: no automatic start but one probe at a time. */
  | { do: 'hold'; slot: number; reason: string }
  /** The storm breaker lets the fleet go on. */
  | { do: 'resume'; reason: string }
  /** Everything is stopped for changed ports or users: starting may begin. */
  | { do: 'recreate'; reason: string }
  /** A decision about the rollout, and the slots that move to another release by it: one durable change. */
  | { do: 'rollout'; change: RolloutChange; reason: string }
  /** Look at what these agents use, for the verdict. */
  | { do: 'measure'; slots: number[]; reason: string }
  /** Agents of the batch that have connections may finish, until then. */
  | { do: 'drain'; batch: number; slots: number[]; until: BootMs; reason: string };

/** One executor for each kind of step, forced complete by the type checker; it gets all steps of its kind at once. */
export type Executors = { [K in Step['do']]: (steps: Extract<Step, { do: K }>[]) => void };
