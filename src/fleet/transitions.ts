import { type Agent, type BootMs, freshWish, type Run, runOf, type Slot } from './agent.ts';
import type { Fleet } from './fleet.ts';
import { blockedAgain } from './hold.ts';
import { type Due, joinsRound } from './queues.ts';
import {
  type AgentExit,
  describeExit,
  type ExitStatus,
  isFailedStart,
  judgeExit,
  SETTLE_MS,
} from './restart.ts';
import { isOnTrial } from './rollout/rolling.ts';

/*
 * What can happen to a slot, and the state that follows. Executors, watches and the recovery report each event by its
 * function. Besides these, only time (time.ts) and a command's retry (Fleet.renew) change the state of an agent.
 *
 *   event            pending  preparing  starting  ready    unready  stopping  backoff  failed   clearing
 *   prepareBegun     preparing
 *   prepareDone               pending
 *   agentStarted     starting starting
 *   startBlocked     pending  pending    pending
 *   startFailed      backoff or failed, from the first three
 *   agentReady                           ready
 *   agentHealthy                                           ready
 *   agentUnhealthy                                unready  unready
 *   stopSent                             stopping stopping stopping stopping
 *   killSent                                                        stopping
 *   agentExited                          backoff, failed or pending          (from any state with a process)
 *   remnantsFound    clearing, from any state without a process
 *   remnantsGone                                                                                       pending
 *   reattached       starting or ready, from any state without a process     (recovery)
 *   endedUnseen      pending or failed, from any state without a process     (recovery)
 *   giveUp           failed, from any state without a process
 *   Fleet.renew                                                                pending  pending
 *   time alone                                                                 pending (backoff is over)
 */

/** Takes a process found after the supervisor was away; if it is not known to be ready, it gets its full timeout. */
export function reattached(
  fleet: Fleet,
  number: number,
  run: Run,
  readyAt: BootMs | null,
  now: BootMs,
): void {
  const agent: Agent =
    readyAt === null
      ? {
          state: 'starting',
          run: { ...run, isFoundStarting: true },
          deadline: now + fleet.spec.ready.timeoutMs,
          waitingFor: '',
        }
      : { state: 'ready', run, readyAt };
  if (readyAt === null) {
    fleet.rounds.join(number);
    fleet.startedUnderHold(number);
  }
  fleet.become(fleet.slot(number), agent, now);
}

/** Remnants of an agent were found in a slot without an agent, wanted or not. */
export function remnantsFound(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slots.get(number) ?? fleet.add(number, freshWish(fleet.release, true));
  fleet.become(slot, { state: 'clearing' }, now);
}

/** All remnants are gone. */
export function remnantsGone(fleet: Fleet, number: number, now: BootMs): void {
  fleet.become(
    fleet.slot(number),
    { state: 'pending', reason: 'remnants of an earlier agent are gone' },
    now,
  );
}

/** Work that must precede the slot's start is under way (`prepare`, changing the owner of its files). */
export function prepareBegun(fleet: Fleet, number: number, now: BootMs): void {
  fleet.rounds.join(number);
  fleet.startedUnderHold(number);
  fleet.become(fleet.slot(number), { state: 'preparing', since: now }, now);
}

/** The work that had to precede the slot's start is done: the slot waits for its start again. */
export function prepareDone(fleet: Fleet, number: number, reason: string, now: BootMs): void {
  fleet.become(fleet.slot(number), { state: 'pending', reason }, now);
}

/** A process was started in the slot; it is starting until its readiness check passes. */
export function agentStarted(fleet: Fleet, number: number, run: Run, now: BootMs): void {
  fleet.rounds.join(number);
  fleet.startedUnderHold(number);
  fleet.blocked = null;
  fleet.sigkilled.delete(number);
  fleet.become(
    fleet.slot(number),
    { state: 'starting', run, deadline: now + fleet.spec.ready.timeoutMs, waitingFor: '' },
    now,
  );
}

/** A start failed on a limit of the host: all starts wait, longer each time, then one is tried. */
export function startBlocked(fleet: Fleet, number: number, message: string, now: BootMs): void {
  fleet.blocked = blockedAgain(fleet.blocked, message, now);
  fleet.adaptive?.shortage(message, now);
  fleet.rounds.leave(number, fleet.roundDelayMs, now);
  fleet.become(fleet.slot(number), { state: 'pending', reason: 'retried after a limit was reached' }, now);
}

/** A start failed before there was a process (exec, prepare). */
export function startFailed(fleet: Fleet, number: number, reason: string, at: string, now: BootMs): void {
  fleet.rounds.join(number);
  fleet.startedUnderHold(number);
  const slot = fleet.slot(number);
  slot.lastExit = { code: null, signal: null, reason, at };
  endedByItself(
    fleet,
    slot,
    { code: null, signal: null },
    { release: slot.release, readyAt: null, reason },
    now,
  );
}

/** The readiness check has passed. @param checkedMs the time since the previous check */
export function agentReady(fleet: Fleet, number: number, now: BootMs, checkedMs = 0): void {
  const slot = fleet.slot(number);
  if (slot.agent.state !== 'starting') return;
  const { run } = slot.agent;
  const othersWait = fleet.queues.pending.size + fleet.queues.toReplace.size > 0;
  if (!run.isFoundStarting) fleet.adaptive?.ready(now - run.startedAt, checkedMs, othersWait, now);
  fleet.become(slot, { state: 'ready', run, readyAt: now }, now);
}

/** The readiness check has failed for this reason, which is reported if it never passes. */
export function notReadyBecause(fleet: Fleet, number: number, finding: string): void {
  const { agent } = fleet.slot(number);
  if (agent.state === 'starting') agent.waitingFor = finding;
}

/** A health check has passed. */
export function agentHealthy(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  if (slot.agent.state !== 'unready') return;
  const { run, readyAt } = slot.agent;
  fleet.become(slot, { state: 'ready', run, readyAt }, now);
}

/** A health check has failed; `health.failures` of them in a row make a restart due. */
export function agentUnhealthy(fleet: Fleet, number: number, reason: string, now: BootMs): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  if (agent.state !== 'ready' && agent.state !== 'unready') return;
  const misses = agent.state === 'unready' ? agent.misses + 1 : 1;
  fleet.become(slot, { state: 'unready', run: agent.run, readyAt: agent.readyAt, misses, reason }, now);
}

/** Makes a running agent due for replacement, in rounds, for this reason. */
export function recycleAgent(fleet: Fleet, number: number, reason: string, now: BootMs): void {
  const slot = fleet.slot(number);
  const run = runOf(slot.agent);
  if (!run) return;
  run.recycle = reason;
  fleet.requeue(slot, now);
}

/** The stop signal was sent. */
export function stopSent(fleet: Fleet, number: number, due: Due, now: BootMs): void {
  const slot = fleet.slot(number);
  const run = runOf(slot.agent);
  if (!run) return;
  if (joinsRound(due.cause)) fleet.rounds.join(number);
  const readyAt = 'readyAt' in slot.agent ? slot.agent.readyAt : null;
  const deadline = now + fleet.spec.stop.graceMs;
  fleet.become(slot, { state: 'stopping', run, readyAt, ...due, deadline, killed: false }, now);
}

/** SIGKILL was sent because the grace is over. */
export function killSent(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  if (slot.agent.state !== 'stopping') return;
  fleet.sigkilled.add(number);
  fleet.become(slot, { ...slot.agent, killed: true }, now);
}

/** The agent and everything that it forked are gone. */
export function agentExited(fleet: Fleet, number: number, exit: AgentExit, at: string, now: BootMs): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  const how = describeExit(exit, fleet.spec.resources?.memory?.limitBytes);
  const release = runOf(agent)?.release ?? slot.release;
  const reason = agent.state === 'stopping' ? `${how}; stopped: ${agent.reason}` : how;
  slot.lastExit = { code: exit.code, signal: exit.signal, reason, at };
  if (agent.state !== 'stopping') {
    const readyAt = 'readyAt' in agent ? agent.readyAt : null;
    endedByItself(fleet, slot, exit, { release, readyAt, reason: how }, now);
  } else if (agent.cause === 'not-ready' || agent.cause === 'unhealthy') {
    // Whatever its exit status: it was stopped because it had failed.
    const { readyAt, reason: why } = agent;
    endedByItself(fleet, slot, { code: null, signal: null }, { release, readyAt, reason: why }, now);
  } else {
    fleet.become(slot, { state: 'pending', reason: agent.reason }, now);
  }
}

/**
 * An agent ended while no supervisor ran.
 * @param isCurrent false if a restart was requested since: then it starts again whatever the policy
 */
export function endedUnseen(
  fleet: Fleet,
  number: number,
  end: { reason: string; at: string },
  isCurrent: boolean,
  now: BootMs,
): void {
  const slot = fleet.slot(number);
  const exit = { code: null, signal: null };
  slot.lastExit = { ...exit, ...end };
  if (isCurrent && isOnTrial(fleet.rolling.record, slot.release)) fleet.rolling.fail(number, end.reason);
  const decision = judgeExit(fleet.spec.restart, exit, 0, number);
  if (isCurrent && !decision.restart) {
    giveUp(fleet, number, `${end.reason}; ${decision.why}`, now);
    return;
  }
  slot.restarts++;
  fleet.become(slot, { state: 'pending', reason: `restart: ${end.reason}` }, now);
}

/** No automatic start follows in this slot. */
export function giveUp(fleet: Fleet, number: number, reason: string, now: BootMs): void {
  fleet.become(fleet.slot(number), { state: 'failed', reason }, now);
}

function endedByItself(
  fleet: Fleet,
  slot: Slot,
  exit: ExitStatus,
  { release, readyAt, reason }: { release: string; readyAt: BootMs | null; reason: string },
  now: BootMs,
): void {
  const isTrial = isOnTrial(fleet.rolling.record, release);
  if (isTrial && slot.wanted && !fleet.stopAll) fleet.rolling.fail(slot.number, reason);
  if (slot.wanted && release !== slot.release) {
    // It was due to be replaced: how it ended tells nothing about the next release.
    fleet.become(slot, { state: 'pending', reason: `release ${slot.release}` }, now);
    return;
  }
  const failed = isFailedStart(readyAt, now);
  if (failed) {
    slot.failures++;
    if (readyAt === null) fleet.adaptive?.failed(now - (runOf(slot.agent)?.startedAt ?? now), reason, now);
    if (slot.wanted && !fleet.stopAll && !isTrial) fleet.storm.add(slot.number, now);
  } else if (now - readyAt! >= Math.max(SETTLE_MS, fleet.spec.restart.backoff.minMs)) {
    slot.failures = 0;
  }
  fleet.probeFailed(slot.number, now);
  const decision = judgeExit(fleet.spec.restart, exit, slot.failures, slot.number);
  if (!decision.restart) {
    fleet.become(slot, { state: 'failed', reason: `${reason}; ${decision.why}` }, now);
    return;
  }
  slot.restarts++;
  const agent: Agent =
    decision.delayMs === 0
      ? { state: 'pending', reason: `restart: ${reason}` }
      : { state: 'backoff', due: now + decision.delayMs, reason: `restart: ${reason}` };
  fleet.become(slot, agent, now);
}
