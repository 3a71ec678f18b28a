import type { Spec } from '../specification/spec.ts';
import { type Agent, type BootMs, runOf, type Slot, type StopCause } from './agent.ts';
import type { Rounds } from './rounds.ts';

/** What must happen to a running agent, and why. */
export interface Due {
  cause: StopCause;
  reason: string;
}

/** What decides, besides a slot itself, which action it needs. */
export interface Circumstances {
  spec: Spec;
  rounds: Rounds;
  /** Everything must stop before anything starts: ports or user have changed, or the host goes down. */
  stopAll: 'recreate' | 'shutdown' | null;
}

/**
 * The slots that need an action, by action. Derived from the slots, one slot at a time as it changes, so that the cost
 * of planning follows the actions and not the number of agents.
 */
export class Queues {
  /** Wanted, free to start, and with a place in the open round. */
  readonly inRound = new Set<number>();
  /** Wanted, free to start, and waiting for a round. */
  readonly pending = new Set<number>();
  /** Running, and not ready yet. */
  readonly starting = new Set<number>();
  /** Not wanted, and nothing runs. */
  readonly toVacate = new Set<number>();
  /** To be stopped as soon as the stop window allows. */
  readonly toStop = new Map<number, Due>();
  /** To be stopped and started again when a round has room. */
  readonly toReplace = new Map<number, Due>();
  /** Stopping, and past the grace. */
  readonly overdue = new Set<number>();
  readonly #all = [
    this.inRound,
    this.pending,
    this.starting,
    this.toVacate,
    this.toStop,
    this.toReplace,
    this.overdue,
  ];

  /** Forgets a slot. */
  remove(number: number): void {
    for (const queue of this.#all) queue.delete(number);
  }

  /** Puts a slot into the one queue that fits its state and its wish, or into none. */
  place(slot: Slot, circumstances: Circumstances, now: BootMs): void {
    const { number, wanted, agent } = slot;
    this.remove(number);
    switch (agent.state) {
      case 'preparing':
      case 'clearing':
        return;
      case 'pending':
        if (!wanted) this.toVacate.add(number);
        else (circumstances.rounds.has(number) ? this.inRound : this.pending).add(number);
        return;
      case 'backoff':
      case 'failed':
        if (!wanted) this.toVacate.add(number);
        return;
      case 'stopping':
        if (!agent.killed && agent.deadline <= now) this.overdue.add(number);
        return;
      default: {
        if (agent.state === 'starting') this.starting.add(number);
        const due = dueOf(slot, agent, circumstances, now);
        if (due) (joinsRound(due.cause) ? this.toReplace : this.toStop).set(number, due);
      }
    }
  }
}

/** Whether a stop for this cause is the first half of a restart, which takes a place in a round. */
export function joinsRound(cause: StopCause): boolean {
  return cause === 'restart' || cause === 'unhealthy';
}

/** A member of a round stays one from its start (or the stop before it) until it is ready, has failed or must stop. */
export function keepsPlaceInRound({ wanted, agent }: Slot): boolean {
  switch (agent.state) {
    case 'preparing':
    case 'starting':
      return true;
    case 'pending':
      return wanted;
    case 'stopping':
      return wanted && joinsRound(agent.cause);
    default:
      return false;
  }
}

/** Whether a running agent must stop, and why. */
function dueOf(
  slot: Slot,
  agent: Extract<Agent, { state: 'starting' | 'ready' | 'unready' }>,
  { spec, stopAll }: Circumstances,
  now: BootMs,
): Due | null {
  const run = runOf(agent)!;
  if (!slot.wanted) return { cause: 'unwanted', reason: 'no longer wanted' };
  if (stopAll)
    return { cause: 'stop-all', reason: stopAll === 'shutdown' ? 'shutdown' : 'ports or user changed' };
  if (agent.state === 'starting' && agent.deadline <= now) {
    const waitedFor = agent.waitingFor && `: ${agent.waitingFor}`;
    return { cause: 'not-ready', reason: `not ready within ${spec.ready.timeoutMs / 1000} s${waitedFor}` };
  }
  if (run.release !== slot.release) return { cause: 'restart', reason: `release ${slot.release}` };
  if (run.generation !== slot.generation) return { cause: 'restart', reason: 'restart requested' };
  if (run.recycle !== undefined) return { cause: 'restart', reason: run.recycle };
  if (agent.state === 'unready' && spec.health && agent.misses >= spec.health.failures) {
    return { cause: 'unhealthy', reason: `${agent.misses} health checks failed: ${agent.reason}` };
  }
  return null;
}
