import type { Agent, BootMs, ProcessId, Run, Work } from './agent.ts';
import { isServing, runOf } from './agent.ts';
import type { Fleet } from './fleet.ts';
import { blockedAgain } from './hold.ts';

/*
 * What can happen to a slot, and the state that follows: here what an agent does while it is wanted, in endings.ts how it
 * ends. Executors, watches and the recovery report each event by its function. Besides these, only time (time.ts) and a
 * command's retry (Fleet.renew) change the state of an agent.
 *
 *   event             pending  preparing  starting  ready    unready  orphaned  stopping  clearing  backoff  failed   completed
 *   prepareBegun      preparing
 *   prepareDone                pending
 *   prepareAborted             pending
 *   agentStarted      starting starting
 *   startBlocked      pending  pending    pending
 *   startFailed       backoff or failed, from the first three
 *   agentReady                            ready
 *   agentHealthy                                            ready
 *   agentUnhealthy                                 unready  unready
 *   mainSucceeded                         starting ready    unready  as before
 *   stopSent                              stopping stopping stopping           stopping
 *   agentStopping                         stopping stopping stopping
 *   signalSent                                                                 stopping  clearing
 *   killSent                                                                   stopping  clearing
 *   agentExited                           (1)      (1)      (1)                (1)
 *   successionFailed                                                 (1)
 *   slotEmptied                                                      (1)                 (2)
 *   remnantsFound     clearing, from any state without a process
 *   reattached        starting or ready, from any state without a process     (recovery)
 *   endedUnseen       pending or failed, from any state without a process     (recovery)
 *   giveUp            failed or completed, from any state without a process
 *   Fleet.renew                                                                                     pending  pending  pending
 *   time alone                                                                                      pending (backoff is over)
 *
 * (1) backoff, failed, completed or pending if nothing of the slot lives any more, else clearing; orphaned if `pidFile` may
 *     name a successor. (2) what the end has decided: backoff, failed, completed or pending.
 */

/** The longest extension of a start, as a multiple of `ready.timeout`: an agent must not keep its place in a round for ever. */
const EXTENSION_MAX = 10;

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

/** Work that must precede the slot's start is under way (`prepare`, changing the owner of its files). */
export function prepareBegun(fleet: Fleet, number: number, work: Work, now: BootMs): void {
  fleet.rounds.join(number);
  fleet.startedUnderHold(number);
  fleet.become(fleet.slot(number), { state: 'preparing', since: now, work }, now);
}

/**
 * The work that had to precede the slot's start is done: the slot waits for its start again.
 * @param isCleared whether that was the last of it: `start.before` has succeeded
 */
export function prepareDone(
  fleet: Fleet,
  number: number,
  reason: string,
  now: BootMs,
  isCleared = false,
): void {
  fleet.become(fleet.slot(number), { state: 'pending', reason, ...(isCleared && { isCleared }) }, now);
}

/** The work is being ended, because the slot or its command has changed. */
export function abortSent(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  if (slot.agent.state === 'preparing') fleet.become(slot, { ...slot.agent, isAborted: true }, now);
}

/** The work was ended before it was done; that says nothing about the slot. */
export function prepareAborted(fleet: Fleet, number: number, now: BootMs): void {
  prepareDone(fleet, number, 'what preceded its start was ended', now);
}

/** A process was started in the slot; it is starting until its readiness check passes. */
export function agentStarted(fleet: Fleet, number: number, run: Run, now: BootMs): void {
  fleet.rounds.join(number);
  fleet.startedUnderHold(number);
  fleet.blocked = null;
  fleet.sigkilled.delete(number);
  if (fleet.spec.rounds.perMinute !== null) fleet.starts.add(now);
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

/**
 * A health check has failed; `health.failures` of them in a row make a restart due. Within `health.after` of ready, none
 * counts.
 */
export function agentUnhealthy(fleet: Fleet, number: number, reason: string, now: BootMs): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  if (agent.state !== 'ready' && agent.state !== 'unready') return;
  if (now - agent.readyAt < (fleet.specOf(agent.run.release).health?.afterMs ?? 0)) return;
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

/**
 * Another process of the slot is its main process from now on: the agent has said so (MAINPID=), or its `pidFile` does.
 * The agent is the same one: its start, its release and its state remain.
 */
export function mainSucceeded(fleet: Fleet, number: number, process: ProcessId, now: BootMs): void {
  const slot = fleet.slot(number);
  const agent = slot.agent.state === 'orphaned' ? slot.agent.was : slot.agent;
  const run = runOf(agent);
  if (run) fleet.become(slot, { ...agent, run: { ...run, ...process } } as Agent, now);
}

/** An agent that starts asks for more time (EXTEND_TIMEOUT_USEC of sd_notify(3)). */
export function startExtended(fleet: Fleet, number: number, ms: number, now: BootMs): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  if (agent.state !== 'starting') return;
  const latest = agent.run.startedAt + fleet.spec.ready.timeoutMs * EXTENSION_MAX;
  const deadline = Math.max(agent.deadline, Math.min(now + ms, latest));
  fleet.become(slot, { ...agent, deadline }, now);
}

/** An agent says that it is stopping by itself (STOPPING=1): it is checked no more, and has its grace to end. */
export function agentStopping(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  if (!isServing(agent)) return;
  const readyAt = 'readyAt' in agent ? agent.readyAt : null;
  const due = { cause: 'itself', reason: 'it has said STOPPING=1' } as const;
  const { run } = agent;
  fleet.become(
    slot,
    { state: 'stopping', run, readyAt, ...due, since: now, extendedTo: 0, phase: 'signalled' },
    now,
  );
}
