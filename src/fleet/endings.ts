import {
  type Agent,
  type BootMs,
  type Ended,
  freshWish,
  isServing,
  type Run,
  runOf,
  type Serving,
  type Slot,
} from './agent.ts';
import { type AgentExit, describeExit, type ExitStatus } from './exit.ts';
import type { Fleet } from './fleet.ts';
import { type Due, joinsRound } from './queues.ts';
import { isFailedStart, judgeExit } from './restart.ts';
import { isOnTrial } from './rollout/rolling.ts';

/*
 * How agents end: the second half of the table in transitions.ts. An agent has ended when its main process has and nothing
 * that it forked is left. What it left behind gets the stop signal as well: at a stop that was asked for, the rest of the
 * grace, otherwise a short time.
 */

/** The time of what an agent left behind when it ended unasked; a shorter `stop.grace` is the limit. */
const REST_MS = 5_000;
/** The time within which `pidFile` names the successor of a main process: gunicorn writes its file within a second. */
const SUCCESSION_MS = 5_000;
/** The longest extension of a grace that an agent can ask for, as a multiple of the grace: it must not block a stop for ever. */
const EXTENSION_MAX = 10;

type Stopping = Extract<Agent, { state: 'stopping' }>;

/** The stop begins: `stop.command` runs, the signal was sent, or SIGKILL. */
export function stopSent(
  fleet: Fleet,
  number: number,
  due: Due,
  phase: Stopping['phase'],
  now: BootMs,
): void {
  const slot = fleet.slot(number);
  const run = runOf(slot.agent);
  if (!run) return;
  if (joinsRound(due.cause)) fleet.rounds.join(number);
  const readyAt = 'readyAt' in slot.agent ? slot.agent.readyAt : null;
  fleet.become(slot, { state: 'stopping', run, readyAt, ...due, since: now, extendedTo: 0, phase }, now);
}

/** `stop.command` has ended, and the signal was sent. */
export function signalSent(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  if (slot.agent.state === 'stopping' || slot.agent.state === 'clearing')
    fleet.become(slot, { ...slot.agent, phase: 'signalled' }, now);
}

/** SIGKILL was sent because the grace is over. */
export function killSent(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  if (slot.agent.state !== 'stopping' && slot.agent.state !== 'clearing') return;
  fleet.sigkilled.add(number);
  fleet.become(slot, { ...slot.agent, phase: 'killed' }, now);
}

/** An agent that is being stopped asks for more time: the grace lasts at least until then. */
export function graceExtended(fleet: Fleet, number: number, ms: number, now: BootMs): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  if (agent.state !== 'stopping' && agent.state !== 'clearing') return;
  const latest = agent.since + fleet.spec.stop.graceMs * EXTENSION_MAX;
  fleet.become(slot, { ...agent, extendedTo: Math.min(now + ms, latest) }, now);
}

/**
 * The main process of a slot has ended.
 * @param at the time for people, ISO 8601
 * @param left how many processes of the slot still live
 */
export function agentExited(
  fleet: Fleet,
  number: number,
  exit: AgentExit,
  at: string,
  now: BootMs,
  left = 0,
): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  if (isServing(agent)) {
    const { pidFile } = fleet.specOf(agent.run.release);
    if (left > 0 && pidFile !== null)
      fleet.become(slot, { state: 'orphaned', was: agent, exit, at, left, until: now + SUCCESSION_MS }, now);
    else end(fleet, slot, agent, { exit, at, left }, now);
  } else if (agent.state === 'stopping') end(fleet, slot, agent, { exit, at, left }, now);
}

/** No successor of the main process was named in time, or nothing of the slot is left. */
export function successionFailed(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  if (slot.agent.state === 'orphaned') end(fleet, slot, slot.agent.was, slot.agent, now);
}

/** Nothing lives in the slot any more. */
export function slotEmptied(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slot(number);
  const { agent } = slot;
  if (agent.state === 'clearing') fleet.become(slot, agent.next, now);
  else if (agent.state === 'orphaned') end(fleet, slot, agent.was, { ...agent, left: 0 }, now);
}

/** Remnants of an agent were found in a slot without an agent, wanted or not. */
export function remnantsFound(fleet: Fleet, number: number, now: BootMs): void {
  const slot = fleet.slots.get(number) ?? fleet.add(number, freshWish(fleet.release, true));
  const { agent } = slot;
  const isOver = agent.state === 'failed' || agent.state === 'completed';
  const next: Ended = isOver ? agent : { state: 'pending', reason: 'remnants of an earlier agent are gone' };
  const { signal } = fleet.specOf(slot.release).stop;
  fleet.become(
    slot,
    { state: 'clearing', since: now, graceMs: REST_MS, extendedTo: 0, phase: 'new', signal, next },
    now,
  );
}

/**
 * An agent ended while no supervisor ran.
 * @param isCurrent false if a restart was requested since: then it starts again whatever the policy
 */
export function endedUnseen(
  fleet: Fleet,
  number: number,
  found: { reason: string; at: string },
  isCurrent: boolean,
  now: BootMs,
): void {
  const slot = fleet.slot(number);
  const exit = { code: null, signal: null };
  slot.lastExit = { ...exit, ...found };
  if (slot.completed) return;
  if (isCurrent && isOnTrial(fleet.rolling.record, slot.release)) fleet.rolling.fail(number, found.reason);
  const { attempts } = slot;
  const decision = judgeExit(fleet.spec.restart, {
    exit,
    readyAt: null,
    now,
    failures: 0,
    attempts,
    seed: number,
  });
  if (isCurrent && decision.next === 'failed') {
    giveUp(fleet, number, { state: 'failed', reason: `${found.reason}; ${decision.why}` }, now);
    return;
  }
  if (decision.next === 'restart') slot.attempts = decision.attempts;
  slot.restarts++;
  fleet.become(slot, { state: 'pending', reason: `restart: ${found.reason}` }, now);
}

/** No automatic start follows in this slot. */
export function giveUp(
  fleet: Fleet,
  number: number,
  end: Extract<Ended, { state: 'failed' | 'completed' }>,
  now: BootMs,
): void {
  fleet.become(fleet.slot(number), end, now);
}

/** A start failed before there was a process (exec, prepare). */
export function startFailed(fleet: Fleet, number: number, reason: string, at: string, now: BootMs): void {
  fleet.rounds.join(number);
  fleet.startedUnderHold(number);
  const slot = fleet.slot(number);
  slot.lastExit = { code: null, signal: null, reason, at };
  const exit = { code: null, signal: null };
  fleet.become(slot, afterEnd(fleet, slot, exit, { release: slot.release, readyAt: null, reason }, now), now);
}

/** An agent ends, by itself or because it was stopped; it leaves the slot when nothing of it lives any more. */
function end(
  fleet: Fleet,
  slot: Slot,
  agent: Serving | Stopping,
  { exit, at, left }: { exit: AgentExit; at: string; left: number },
  now: BootMs,
): void {
  const { run } = agent;
  const spec = fleet.specOf(run.release);
  const how = `${describeExit(exit, spec.resources?.memory?.limitBytes)}${describeLeft(left)}`;
  const isStop = agent.state === 'stopping';
  const reason = isStop && agent.cause !== 'itself' ? `${how}; stopped: ${agent.reason}` : how;
  slot.lastExit = { code: exit.code, signal: exit.signal, reason, at };
  const next = whatFollows(fleet, slot, agent, exit, how, now);
  if (left === 0) {
    fleet.become(slot, next, now);
    return;
  }
  const { signal, to } = spec.stop;
  const asked = {
    since: isStop ? agent.since : now,
    graceMs: null,
    extendedTo: isStop ? agent.extendedTo : 0,
  };
  const rest = isStop ? asked : { ...asked, graceMs: REST_MS };
  // With `to: all`, they had the signal together with the main process.
  const isTold = isStop && agent.phase === 'signalled' && to === 'all';
  const phase = isStop && agent.phase === 'killed' ? 'killed' : isTold ? 'signalled' : 'new';
  fleet.become(slot, { state: 'clearing', ...rest, phase, signal, next }, now);
}

function describeLeft(left: number): string {
  if (left === 0) return '';
  return `; ${left} ${left === 1 ? 'process was' : 'processes were'} left behind`;
}

function whatFollows(
  fleet: Fleet,
  slot: Slot,
  agent: Serving | Stopping,
  exit: AgentExit,
  how: string,
  now: BootMs,
): Ended {
  const { release } = agent.run;
  const readyAt = 'readyAt' in agent ? agent.readyAt : null;
  if (agent.state !== 'stopping' || agent.cause === 'itself')
    return afterEnd(fleet, slot, exit, { release, readyAt, reason: how, run: agent.run }, now);
  if (agent.cause === 'not-ready' || agent.cause === 'unhealthy') {
    // Whatever its exit status: it was stopped because it had failed.
    const unknown = { code: null, signal: null };
    return afterEnd(fleet, slot, unknown, { release, readyAt, reason: agent.reason, run: agent.run }, now);
  }
  return { state: 'pending', reason: agent.reason };
}

/** Judges an end that nobody asked for, and notes what it means for the slot, the storm breaker and the rollout. */
function afterEnd(
  fleet: Fleet,
  slot: Slot,
  exit: ExitStatus,
  { release, readyAt, reason, run }: { release: string; readyAt: BootMs | null; reason: string; run?: Run },
  now: BootMs,
): Ended {
  const { restart } = fleet.spec;
  const isTrial = isOnTrial(fleet.rolling.record, release);
  const isFailed = isFailedStart(restart, { exit, readyAt, now });
  const decision = () =>
    judgeExit(restart, {
      exit,
      readyAt,
      now,
      failures: slot.failures,
      attempts: slot.attempts,
      seed: slot.number,
    });
  const isWell = !isFailed && decision().next === 'completed';
  if (isTrial && slot.wanted && !fleet.stopAll && !isWell) fleet.rolling.fail(slot.number, reason);
  // It was due to be replaced: how it ended tells nothing about the next release.
  if (slot.wanted && release !== slot.release) return { state: 'pending', reason: `release ${slot.release}` };
  if (isFailed) {
    slot.failures++;
    if (readyAt === null) fleet.adaptive?.failed(now - (run?.startedAt ?? now), reason, now);
    if (slot.wanted && !fleet.stopAll && !isTrial) fleet.storm.add(slot.number, now);
  } else if (now - readyAt! >= Math.max(restart.settleMs, restart.backoff.minMs)) {
    slot.failures = 0;
  }
  fleet.probeFailed(slot.number, now);
  const judged = decision();
  if (judged.next === 'completed') return { state: 'completed', reason };
  if (judged.next === 'failed') return { state: 'failed', reason: `${reason}; ${judged.why}` };
  slot.restarts++;
  slot.attempts = judged.attempts;
  return judged.delayMs === 0
    ? { state: 'pending', reason: `restart: ${reason}` }
    : { state: 'backoff', due: now + judged.delayMs, reason: `restart: ${reason}` };
}
