import { literal } from '../specification/placeholders.ts';
import type { BootMs } from './agent.ts';
import type { Fleet } from './fleet.ts';
import type { Due } from './queues.ts';
import { nextRollout } from './rollout/next.ts';
import type { Step } from './steps.ts';
import { isStorm } from './storm.ts';

/**
 * Bounds the steps of one plan, so that the loop handles the API and exits in between: a start takes half a millisecond,
 * a signal 40 µs.
 */
const STARTS_MAX = 32;
const STOPS_MAX = 1024;

/**
 * Decides what to do next about a fleet, from what is wanted and what is there. Reads only; the same state and time
 * give the same steps. Call `expire(fleet, now)` before it, carry out the steps, report the outcome of each to the fleet,
 * and plan again until no step is left.
 */
export function plan(fleet: Fleet, now: BootMs): Step[] {
  // Alone, because it may change every slot's release.
  const rollout = nextRollout(fleet, now);
  if (rollout) return [rollout];
  const stops = planStops(fleet);
  if (fleet.stopAll) return [...stops, ...planStopAll(fleet)];
  const starts = fleet.hold
    ? planHeld(fleet, now)
    : (detectStorm(fleet, now) ?? planStarts(fleet, stopWindow(fleet, stops), now));
  return [...stops, ...starts];
}

/**
 * Stops agents, at most `stop.parallel` at a time; kills those whose grace is over; vacates empty slots, but lets no
 * stop wait for that.
 */
function planStops(fleet: Fleet): Step[] {
  const { overdue, leftBehind, abandoned, toAbort, toRecord, toVacate, toStop } = fleet.queues;
  const stops = take(toStop, Math.min(stopWindow(fleet, []), STOPS_MAX));
  return [
    ...take(overdue, STOPS_MAX).map((slot): Step => ({ do: 'kill', slot, reason: lateReason(fleet, slot) })),
    ...take(leftBehind, STOPS_MAX).map((slot) => terminateStep(fleet, slot)),
    ...take(abandoned, STOPS_MAX).map(
      (slot): Step => ({ do: 'abandon', slot, reason: 'pidFile names no successor' }),
    ),
    ...take(toAbort, STOPS_MAX).map(
      (slot): Step => ({ do: 'abort', slot, reason: abortReason(fleet, slot) }),
    ),
    ...take(toRecord, STOPS_MAX).map((slot): Step => ({ do: 'complete', slot, reason: 'completed' })),
    ...take(toVacate, stops.length > 0 ? 0 : STOPS_MAX).map(
      (slot): Step => ({ do: 'vacate', slot, reason: 'not wanted' }),
    ),
    ...stops.map(([slot, due]) => stopStep(fleet, slot, due)),
  ];
}

function lateReason(fleet: Fleet, number: number): string {
  const { agent, urgent } = fleet.slot(number);
  const what = agent.state === 'clearing' ? 'left behind, and still running' : 'still running';
  if (urgent) return `${what}; to be stopped without grace`;
  if (agent.state === 'clearing' && agent.graceMs !== null) return `${what} after ${agent.graceMs / 1000} s`;
  return `${what} after its grace of ${fleet.spec.stop.graceMs / 1000} s`;
}

function terminateStep(fleet: Fleet, number: number): Step {
  const { agent } = fleet.slot(number);
  const signal = agent.state === 'clearing' ? agent.signal : fleet.spec.stop.signal;
  return { do: 'terminate', slot: number, signal, reason: 'left behind by an agent that has ended' };
}

function abortReason(fleet: Fleet, number: number): string {
  const { wanted } = fleet.slot(number);
  if (!wanted) return 'no longer wanted';
  return fleet.stopAll ? 'everything stops' : 'the slot or its command has changed';
}

function stopStep(fleet: Fleet, number: number, due: Due): Step {
  return { do: 'stop', slot: number, ...due, urgent: fleet.slot(number).urgent };
}

/** The number of further agents that may be stopping, after these steps. */
function stopWindow(fleet: Fleet, planned: readonly Step[]): number {
  const { stopping, clearing } = fleet.counts;
  return fleet.spec.stop.parallel - stopping - clearing - planned.filter((step) => step.do === 'stop').length;
}

function planStopAll({ stopAll, running, counts }: Fleet): Step[] {
  const isEmpty = running + counts.preparing + counts.clearing === 0;
  if (stopAll !== 'recreate' || !isEmpty) return [];
  return [{ do: 'recreate', reason: 'everything has stopped; starts follow with the changed ports or user' }];
}

/** Starts pending slots, and replaces outdated or unhealthy agents, as the open round has room. */
function planStarts(fleet: Fleet, window: number, now: BootMs): Step[] {
  if (!mayStart(fleet, now)) return [];
  const { inRound, pending, toReplace } = fleet.queues;
  // Members of the round had room when they joined, but rounds.perMinute counts their starts.
  const most = Math.min(fleet.blocked ? 1 : STARTS_MAX, fleet.starts.room(fleet.spec.rounds.perMinute, now));
  const members = take(inRound, Math.min(most, memberRoom(fleet)));
  const left = most - members.length;
  const room = Math.min(left, fleet.room(now));
  const joining = take(pending, room);
  const free = fleet.rolling.drain ? freeOf(fleet, now) : toReplace;
  return [
    ...[...members, ...joining].map((slot) => startStep(fleet, slot)),
    ...take(free, Math.min(room - joining.length, window)).map(([slot, due]) => stopStep(fleet, slot, due)),
  ];
}

/**
 * How many members of the round may start now. After a crash, more agents may be found starting than a round takes; a
 * member that has to start again waits for them.
 */
function memberRoom({ adaptive, counts, spec }: Fleet): number {
  return adaptive ? STARTS_MAX : Math.max(0, spec.rounds.parallel - counts.starting - counts.preparing);
}

/** The agents to replace that have no connections to wait for. */
function freeOf({ queues, rolling }: Fleet, now: BootMs): [number, Due][] {
  return [...queues.toReplace].filter(([slot]) => !rolling.isBusy(slot, now));
}

/**
 * While the storm breaker holds the fleet, one start at a time probes whether the cause is gone. The hold ends when that
 * agent becomes ready, or when all agents are.
 */
function planHeld(fleet: Fleet, now: BootMs): Step[] {
  const { hold, probe, queues } = fleet;
  if (hold?.by !== 'storm') return [];
  if (probe?.agent.state === 'ready') {
    return [{ do: 'resume', reason: `slot ${probe.number} was tried and became ready` }];
  }
  if (fleet.fulfilled === fleet.target && fleet.running === fleet.counts.ready) {
    return [{ do: 'resume', reason: 'every wanted agent is ready' }];
  }
  if (!mayStart(fleet, now)) return [];
  if (probe) return queues.inRound.has(probe.number) ? [startStep(fleet, probe.number)] : [];
  if (now < hold.probeAt) return [];
  return take([...take(queues.inRound, 1), ...take(queues.pending, 1)], 1).map((slot) =>
    startStep(fleet, slot),
  );
}

/** The storm breaker: too many slots failed to start within too short a time. */
function detectStorm(fleet: Fleet, now: BootMs): Step[] | null {
  const { storm } = fleet.spec.restart;
  if (!storm) return null;
  const failing = fleet.storm.count(storm.withinMs, now);
  // If every start fails, adaptive rounds try so few that these alone would never be a storm.
  const isOut = failing > 0 && (fleet.adaptive?.outMs ?? 0) >= storm.withinMs;
  if (!isOut && !isStorm(failing, storm.failures, fleet.target)) return null;
  const slot = fleet.storm.latest()!;
  const how = fleet.slots.get(slot)?.lastExit?.reason ?? 'ended';
  const agents = isOut ? `all ${failing} agents that were tried` : `${failing} of ${fleet.target} agents`;
  return [
    {
      do: 'hold',
      slot,
      reason: `${agents} failed to start within ${storm.withinMs / 1000} s; the last: ${how}`,
    },
  ];
}

/** Whether the host allows starts now. */
function mayStart({ pressure, blocked }: Fleet, now: BootMs): boolean {
  return !pressure && (!blocked || now >= blocked.retryAt);
}

function startStep(fleet: Fleet, number: number): Step {
  const { agent, prepared } = fleet.slot(number);
  const reason = agent.state === 'pending' ? agent.reason : agent.state;
  if (fleet.spec.prepare && !prepared) return { do: 'prepare', slot: number, reason };
  const isCleared = agent.state === 'pending' && agent.isCleared === true;
  return { do: isCleared || !hasWorkBefore(fleet, number) ? 'start' : 'before', slot: number, reason };
}

/** Whether something precedes every start of a slot: a command, or a file of its own that is read. */
function hasWorkBefore({ spec, releases, slots }: Fleet, number: number): boolean {
  const { envFile } = releases.get(slots.get(number)!.release)?.spec ?? spec;
  return spec.start.before !== null || (envFile !== null && literal(envFile) === null);
}

/** The first items, at most `count`. */
function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  if (count <= 0) return taken;
  for (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}
