import type { BootMs, StopCause } from './agent.ts';
import type { RolloutChange } from './rollout/changes.ts';

/** What to do next: complete in itself, so that execution makes no choices. `reason` goes to the event log. */
export type Step =
  /** Run the slot's `prepare` command, once before its first start. */
  | { do: 'prepare'; slot: number; reason: string }
  /** Run `start.before`, once before every start. */
  | { do: 'before'; slot: number; reason: string }
  /** End the command that precedes a start: the slot or its command has changed. */
  | { do: 'abort'; slot: number; reason: string }
  | { do: 'start'; slot: number; reason: string }
  /** Begin a stop: `stop.command`, the signal, or (`urgent`) SIGKILL; the grace begins. */
  | { do: 'stop'; slot: number; cause: StopCause; reason: string; urgent: boolean }
  /** The main process has ended: the signal goes to what it left behind. */
  | { do: 'terminate'; slot: number; signal: string; reason: string }
  /** The grace is over: SIGKILL to everything in the slot. */
  | { do: 'kill'; slot: number; reason: string }
  /** No successor of the main process has appeared: the agent has ended. */
  | { do: 'abandon'; slot: number; reason: string }
  /** Make it durable that the agent has completed. */
  | { do: 'complete'; slot: number; reason: string }
  /** The slot is not wanted and nothing runs in it: clear its traces on the host. */
  | { do: 'vacate'; slot: number; reason: string }
  /** The storm breaker: no automatic start except one probe at a time. */
  | { do: 'hold'; slot: number; reason: string }
  /** The storm breaker ends its hold. */
  | { do: 'resume'; reason: string }
  /** Everything has stopped for changed ports or user: starts may follow. */
  | { do: 'recreate'; reason: string }
  /** A decision about the rollout, with the slots that move to another release: one durable change. */
  | { do: 'rollout'; change: RolloutChange; reason: string }
  /** Measure these agents, for the verdict. */
  | { do: 'measure'; slots: number[]; reason: string }
  /** Let agents of the batch end their connections, until then. */
  | { do: 'drain'; batch: number; slots: number[]; until: BootMs; reason: string };

/** One executor per kind of step, which the type checker enforces; it gets all steps of its kind at once. */
export type Executors = { [K in Step['do']]: (steps: Extract<Step, { do: K }>[]) => void };
