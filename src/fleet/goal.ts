import type { Fleet } from './fleet.ts';
import { describeReload, isUnderWay, progressOf } from './reload/record.ts';
import { countReadyOn } from './rollout/view.ts';

/**
 * What a command waits for. It describes the state of the fleet and not one request, so that it can be asked of the
 * next supervisor again. GET watch?goal=<JSON> answers with lines of WatchLine.
 */
export type Goal =
  | { kind: 'ready'; target: number }
  | { kind: 'restarted'; target: number; slots: string; generation: number }
  | { kind: 'gone'; slots: string }
  | { kind: 'rollout'; id: number; wants: 'done' | 'rolled-back' }
  | { kind: 'on-release'; release: string }
  | { kind: 'reloaded'; id: number };

/** After this number of consecutive failed starts, waiting for a slot is pointless. */
const HOPELESS_FAILURES = 3;

/** The progress of a goal, and its end if it has ended. */
export interface GoalState {
  done: number;
  of: number;
  end: { exitCode: number; message: string } | null;
}

/**
 * Judges a goal against the current state of the fleet.
 * @param slots the parsed slots of a `restarted` or `gone` goal; unused for the others
 */
export function judgeGoal(fleet: Fleet, goal: Goal, slots: readonly number[]): GoalState {
  switch (goal.kind) {
    case 'ready':
      return judgeReady(fleet, goal.target);
    case 'restarted':
      return judgeRestarted(fleet, goal.generation, slots);
    case 'gone':
      return judgeGone(fleet, slots);
    case 'rollout':
      return judgeRollout(fleet, goal);
    case 'on-release':
      return judgeOnRelease(fleet, goal.release);
    case 'reloaded':
      return judgeReloaded(fleet, goal.id);
  }
}

function judgeReady(fleet: Fleet, target: number): GoalState {
  const done = fleet.fulfilled;
  const state = (exitCode: number, message: string): GoalState => ({
    done,
    of: target,
    end: { exitCode, message },
  });
  if (fleet.target !== target) return state(1, `another command set the target to ${fleet.target}`);
  if (done === target && fleet.running === fleet.counts.ready)
    return state(0, describeFulfilled(fleet, target));
  return { done, of: target, end: hopeless(fleet, `${Math.min(done, target)} of ${target} ready`) };
}

/** `300 of 300 ready`, and how many of them are not, because they have completed. */
function describeFulfilled({ counts }: Fleet, target: number): string {
  const { ready, completed } = counts;
  return completed === 0
    ? `${target} of ${target} ready`
    : `${ready} of ${target} ready, ${completed} completed`;
}

function judgeRestarted(fleet: Fleet, generation: number, slots: readonly number[]): GoalState {
  const wanted = slots.filter((slot) => fleet.slots.get(slot)?.wanted);
  const done = wanted.filter((slot) => {
    const { agent, generation: current } = fleet.slot(slot);
    if (agent.state === 'completed') return current >= generation;
    return agent.state === 'ready' && agent.run.generation >= generation;
  }).length;
  if (done === wanted.length) return { done, of: done, end: { exitCode: 0, message: `${done} restarted` } };
  return { done, of: wanted.length, end: hopeless(fleet, `${done} of ${wanted.length} restarted`) };
}

/** A slot that another command wants again is not waited for. */
function judgeGone(fleet: Fleet, slots: readonly number[]): GoalState {
  const left = slots.filter((slot) => fleet.slots.get(slot)?.wanted === false).length;
  const done = slots.length - left;
  if (left > 0) return { done, of: slots.length, end: null };
  const forced = slots.filter((slot) => fleet.sigkilled.has(slot)).length;
  const message = `${done} stopped${forced > 0 ? `, ${forced} of them by SIGKILL after the grace` : ''}`;
  return { done, of: done, end: { exitCode: 0, message } };
}

/** Counts the slots that are where the rollout wants them: on the new release, or back on the previous one. */
function judgeRollout(fleet: Fleet, { id, wants }: Extract<Goal, { kind: 'rollout' }>): GoalState {
  const { record } = fleet.rolling;
  const isBack = record?.state === 'rolling-back' || record?.state === 'rolled-back';
  const done = record ? countReadyOn(fleet, isBack ? record.from : record.to) : 0;
  const state = (exitCode: number, message: string): GoalState => ({
    done,
    of: fleet.target,
    end: { exitCode, message },
  });
  if (record?.id !== id) return state(1, 'another command replaced this rollout');
  if (record.state === 'done')
    return state(wants === 'done' ? 0 : 1, `${done} agents run release ${record.to}`);
  if (record.state === 'rolled-back') {
    const message = `${done} of ${fleet.target} agents are ready on release ${record.from}`;
    return wants === 'rolled-back'
      ? state(0, message)
      : state(4, `rolled back, ${message}: ${record.reason}`);
  }
  if (fleet.hold) return state(4, `held: ${fleet.hold.reason}`);
  return { done, of: fleet.target, end: null };
}

function judgeOnRelease(fleet: Fleet, release: string): GoalState {
  const done = countReadyOn(fleet, release);
  return { done, of: fleet.target, end: { exitCode: 0, message: `${done} agents run release ${release}` } };
}

function judgeReloaded({ record: { reload } }: Fleet, id: number): GoalState {
  if (reload?.id !== id)
    return { done: 0, of: 0, end: { exitCode: 1, message: 'another command replaced this reload' } };
  const progress = progressOf(reload);
  if (isUnderWay(reload)) return { ...progress, end: null };
  const isForNothing = reload.slots !== '' && progress.done === 0;
  const exitCode = reload.state === 'failed' || isForNothing ? 1 : 0;
  return { ...progress, end: { exitCode, message: describeReload(reload) } };
}

/** Whether waiting has become pointless, and why. */
function hopeless(fleet: Fleet, soFar: string): { exitCode: number; message: string } | null {
  if (fleet.hold) return { exitCode: 4, message: `${soFar}; held: ${fleet.hold.reason}` };
  const isWaiting = fleet.queues.pending.size + fleet.queues.inRound.size > 0;
  if (fleet.blocked && isWaiting) return { exitCode: 5, message: `${soFar}; ${fleet.blocked.message}` };
  let failing = 0;
  for (const { wanted, agent, failures } of fleet.slots.values()) {
    if (!wanted || agent.state === 'ready' || agent.state === 'completed') continue;
    if (agent.state !== 'failed' && failures < HOPELESS_FAILURES) return null;
    failing++;
  }
  return failing === 0 ? null : { exitCode: 4, message: `${soFar}; the other ${failing} failed to start` };
}
