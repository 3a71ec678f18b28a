import { expect } from 'vitest';
import type { Slot } from '../../src/fleet/agent.ts';
import { deadlineOf, expiryOf } from '../../src/fleet/deadlines.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';

/**
 * Recomputes from the slots alone what the planner keeps as it goes: queues, counts and target. Call it when time has
 * been let pass by `expire(now)`, or the queues that time moves slots into are not up to date.
 */
export function checkQueues(fleet: Fleet, now: number): void {
  const slots = [...fleet.slots.values()];
  const isPast = (slot: Slot) => (deadlineOf(slot, fleet.spec) ?? Number.POSITIVE_INFINITY) <= now;
  const pick = (is: (slot: Slot) => boolean) => slots.filter(is).map(({ number }) => number);
  const expected = {
    inRound: pick((slot) => canStart(slot) && fleet.rounds.has(slot.number)),
    pending: pick((slot) => canStart(slot) && !fleet.rounds.has(slot.number)),
    starting: pick(({ agent }) => agent.state === 'starting'),
    toVacate: pick(
      ({ wanted, agent }) => !wanted && ['pending', 'backoff', 'failed', 'completed'].includes(agent.state),
    ),
    overdue: pick((slot) => isEnding(slot) && isPast(slot)),
    leftBehind: pick(
      (slot) => slot.agent.state === 'clearing' && slot.agent.phase === 'new' && !isPast(slot),
    ),
    abandoned: pick((slot) => slot.agent.state === 'orphaned' && isPast(slot)),
    toAbort: pick(
      ({ wanted, agent }) =>
        agent.state === 'preparing' &&
        agent.work !== 'hand-over' &&
        !agent.isAborted &&
        (agent.isStale === true || !wanted || fleet.stopAll !== null),
    ),
    toRecord: pick(({ wanted, agent, completed }) => wanted && agent.state === 'completed' && !completed),
    toStop: pick((slot) => fateOf(fleet, slot, now) === 'toStop'),
    toReplace: pick((slot) => fateOf(fleet, slot, now) === 'toReplace'),
  };
  const kept = Object.fromEntries(
    Object.keys(expected).map((name) => [
      name,
      [...fleet.queues[name as keyof typeof expected].keys()].sort(order),
    ]),
  );
  for (const numbers of Object.values(expected)) numbers.sort(order);
  expect(kept).toEqual(expected);
  const counts = Object.fromEntries(
    Object.keys(fleet.counts).map((state) => [state, pick(({ agent }) => agent.state === state).length]),
  );
  expect(fleet.counts).toEqual(counts);
  expect(fleet.target).toBe(pick(({ wanted }) => wanted).length);
}

function isEnding({ agent }: Slot): boolean {
  return agent.state === 'stopping' || agent.state === 'clearing';
}

function canStart({ wanted, agent }: Slot): boolean {
  return wanted && agent.state === 'pending';
}

function fateOf(
  { stopAll, spec }: Fleet,
  { wanted, agent, release, generation }: Slot,
  now: number,
): 'toStop' | 'toReplace' | null {
  if (agent.state !== 'starting' && agent.state !== 'ready' && agent.state !== 'unready') return null;
  const isLate = agent.state === 'starting' && agent.deadline <= now;
  if (!wanted || stopAll || isLate) return 'toStop';
  const isOutdated = agent.run.release !== release || agent.run.generation !== generation;
  const isUnhealthy =
    agent.state === 'unready' && spec.health !== null && agent.misses >= spec.health.failures;
  const expiry = agent.state === 'starting' ? null : expiryOf(agent.run, spec);
  const isOld = expiry !== null && expiry <= now;
  return isOutdated || isUnhealthy || isOld || agent.run.recycle !== undefined ? 'toReplace' : null;
}

function order(a: number, b: number): number {
  return a - b;
}
