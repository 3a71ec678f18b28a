import type { Spec } from '../specification/spec.ts';
import { formatDuration, formatElapsed } from '../specification/units.ts';
import { type BootMs, runOf, type Serving, type Slot, type StopCause } from './agent.ts';
import { deadlineOf, expiryOf } from './deadlines.ts';
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
  /** Stopping, or only left processes, and past the grace. */
  readonly overdue = new Set<number>();
  /** The main process has ended, and what it forked does not know yet that it must end as well. */
  readonly leftBehind = new Set<number>();
  /** No successor of the main process was named in time. */
  readonly abandoned = new Set<number>();
  /** The work before its start is to be ended. */
  readonly toAbort = new Set<number>();
  /** Completed, and that is not durable yet. */
  readonly toRecord = new Set<number>();
  readonly #all = [
    this.inRound,
    this.pending,
    this.starting,
    this.toVacate,
    this.toStop,
    this.toReplace,
    this.overdue,
    this.leftBehind,
    this.abandoned,
    this.toAbort,
    this.toRecord,
  ];

  /** Forgets a slot. */
  remove(number: number): void {
    for (const queue of this.#all) queue.delete(number);
  }

  /**
   * Puts a slot into the queue that fits its state and its wish, or into none. Only a starting agent that must stop is in
   * two: it is checked until its stop begins.
   */
  place(slot: Slot, circumstances: Circumstances, now: BootMs): void {
    const { number, wanted, agent } = slot;
    this.remove(number);
    const isPast = () => (deadlineOf(slot, circumstances.spec) ?? Number.POSITIVE_INFINITY) <= now;
    switch (agent.state) {
      case 'preparing': {
        // Handing over cannot be ended, and takes no longer than the directories are large.
        const isOver = agent.isStale || !wanted || circumstances.stopAll !== null;
        if (isOver && !agent.isAborted && agent.work !== 'hand-over') this.toAbort.add(number);
        return;
      }
      case 'clearing':
        if (isPast()) this.overdue.add(number);
        else if (agent.phase === 'new') this.leftBehind.add(number);
        return;
      case 'orphaned':
        if (isPast()) this.abandoned.add(number);
        return;
      case 'pending':
        if (!wanted) this.toVacate.add(number);
        else (circumstances.rounds.has(number) ? this.inRound : this.pending).add(number);
        return;
      case 'backoff':
      case 'failed':
        if (!wanted) this.toVacate.add(number);
        return;
      case 'completed':
        if (!wanted) this.toVacate.add(number);
        else if (!slot.completed) this.toRecord.add(number);
        return;
      case 'stopping':
        if (isPast()) this.overdue.add(number);
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
    case 'clearing':
      return wanted && agent.next.state === 'pending';
    case 'orphaned':
      return agent.was.state === 'starting';
    default:
      return false;
  }
}

/** Whether a running agent must stop, and why. */
function dueOf(slot: Slot, agent: Serving, { spec, stopAll }: Circumstances, now: BootMs): Due | null {
  const run = runOf(agent)!;
  if (!slot.wanted) return { cause: 'unwanted', reason: 'no longer wanted' };
  if (stopAll)
    return {
      cause: 'stop-all',
      reason: stopAll === 'shutdown' ? 'shutdown' : 'ports, addresses or user changed',
    };
  if (agent.state === 'starting' && agent.deadline <= now) {
    const waitedFor = agent.waitingFor && `: ${agent.waitingFor}`;
    return { cause: 'not-ready', reason: `not ready within ${spec.ready.timeoutMs / 1000} s${waitedFor}` };
  }
  if (run.release !== slot.release) return { cause: 'restart', reason: `release ${slot.release}` };
  if (run.generation !== slot.generation) return { cause: 'restart', reason: 'restart requested' };
  if (run.recycle !== undefined) return { cause: 'restart', reason: run.recycle };
  const expiry = agent.state === 'starting' ? null : expiryOf(run, spec);
  if (expiry !== null && expiry <= now) {
    const age = formatElapsed(now - run.startedAt);
    return {
      cause: 'restart',
      reason: `${age} old (restart.maxAge ${formatDuration(spec.restart.maxAge!.afterMs)})`,
    };
  }
  if (agent.state === 'unready' && spec.health && agent.misses >= spec.health.failures) {
    return { cause: 'unhealthy', reason: `${agent.misses} health checks failed: ${agent.reason}` };
  }
  return null;
}
