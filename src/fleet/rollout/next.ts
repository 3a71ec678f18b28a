import { type BootMs, runOf, type Slot } from '../agent.ts';
import type { Fleet } from '../fleet.ts';
import type { Step } from '../steps.ts';
import { batchSize, chooseBatch, chooseMeasured, isBroken, nameOf, readyOn } from './batch.ts';
import { changeOf, mustMoveBack, rollBack, slotsToMoveBack } from './changes.ts';
import type { AgentFailure, Batch, BatchVerdict, Cohort, Rollout } from './record.ts';
import { countFailed, isOver } from './rolling.ts';
import { cohortOf, describeCohorts, judgeCohorts, judgeFailures } from './verdict.ts';
import { type BatchView, countReadyOn, isExcusedNow, readyDeadline, viewBatch, windowEnd } from './view.ts';

/** The number of verdicts kept in the record; each of them is an event as well. */
const VERDICTS_KEPT = 100;

/**
 * Decides the next step of a fleet's rollout, if one is due now. Progress follows from the slots; only decisions are
 * recorded, so that the next supervisor continues from there after a kill.
 */
export function nextRollout(fleet: Fleet, now: BootMs): Step | null {
  const { record } = fleet.rolling;
  if (!record || isOver(record) || fleet.stopAll) return null;
  if (fleet.hold && fleet.hold.by !== 'storm') return null;
  if (record.state === 'rolling-back') return planRollback(fleet, record);
  const view = record.batch && viewBatch(fleet, record, record.batch);
  const fresh = newFailures(fleet, record, view, now);
  const rollout = { ...record, failures: [...record.failures, ...fresh] };
  const bad = judgeFailures(rollout, view?.members.map(({ number }) => number) ?? [], fleet.target);
  if (bad && record.state === 'running') {
    return failed(fleet, rollout, verdictOn(rollout, view, bad, now), fresh.at(-1) ?? null);
  }
  if (fresh.length > 0) {
    const reason = `${countFailed(rollout)} failed so far; slot ${fresh[0]!.slot}: ${fresh[0]!.reason}`;
    return { do: 'rollout', change: changeOf(rollout), reason };
  }
  const drain = view && planDrain(fleet, record, view, now);
  if (drain || record.state === 'paused' || fleet.hold) return drain;
  return record.batch && view
    ? planBatch(fleet, record, record.batch, view, now)
    : planNext(fleet, record, now);
}

/** Failures that are not recorded yet, and agents whose deadline has passed. */
function newFailures(fleet: Fleet, record: Rollout, view: BatchView | null, now: BootMs): AgentFailure[] {
  const { unrecorded, stalledSince } = fleet.rolling;
  const fresh = [...unrecorded].map(([slot, reason]) => ({ slot, reason }));
  if (!view || isExcusedNow(fleet)) return fresh;
  const late = view.waiting.filter((slot) => now >= readyDeadline(slot, record, stalledSince));
  const reason = `not ready within healthyDeadline (${record.options.healthyDeadlineMs / 1000} s)`;
  return [...fresh, ...late.map(({ number }) => ({ slot: number, reason }))];
}

/** Ends the rollout or starts its next batch; before the first one, measures the agents. */
function planNext(fleet: Fleet, rollout: Rollout, now: BootMs): Step | null {
  const left = [...fleet.slots.values()].filter(({ wanted, release }) => wanted && release !== rollout.to);
  if (left.length === 0) {
    // A slot that is no longer wanted may be wanted again, with its agent, as long as that runs.
    if (hasUnwantedOnOldRelease(fleet, rollout)) return null;
    const done: Rollout = { ...rollout, state: 'done', updated: countReadyOn(fleet, rollout.to) };
    const reason = `done: ${done.updated} of ${fleet.target} agents run release ${rollout.to}`;
    return { do: 'rollout', change: changeOf(done), reason };
  }
  const old = readyOn(fleet, rollout.from);
  if (isFirst(rollout) && !fleet.rolling.first && old.length > 0) {
    return { do: 'measure', slots: chooseMeasured(old), reason: 'before the first batch' };
  }
  return beginBatch(fleet, rollout, left, old, now);
}

function hasUnwantedOnOldRelease(fleet: Fleet, { to }: Rollout): boolean {
  return fleet.slots.values().some(({ wanted, agent }) => {
    const run = runOf(agent);
    return !wanted && run !== null && run.release !== to;
  });
}

function beginBatch(
  fleet: Fleet,
  rollout: Rollout,
  left: readonly Slot[],
  old: readonly Slot[],
  now: BootMs,
): Step {
  const { canary } = rollout.options;
  const isCanary = isFirst(rollout) && canary > 0;
  const chosen = chooseBatch(left, isCanary ? canary : batchSize(rollout, fleet.target));
  const slots = chosen.map(({ number }) => number);
  const number = (rollout.verdicts.at(-1)?.batch ?? 0) + 1;
  const begun: Rollout = {
    ...rollout,
    batch: { number, isCanary, slots, begunAt: now },
    broken: [...rollout.broken, ...chosen.filter(isBroken).map((slot) => slot.number)],
    baseline: rollout.baseline ?? cohortOf(old, null, fleet.rolling.latest),
  };
  const reason = `${nameOf(begun.batch!)} starts: ${slots.length} of the remaining ${left.length} agents move to release ${rollout.to}`;
  return { do: 'rollout', change: changeOf(begun, { slots, release: rollout.to }), reason };
}

/** If agents may end their connections first, nothing of the batch is stopped before these were counted. */
function planDrain(
  { rolling, spec }: Fleet,
  { batch, to }: Rollout,
  { members }: BatchView,
  now: BootMs,
): Step | null {
  const { drain } = spec.update;
  const hasConnections = spec.ports !== null && spec.ports.protocol !== 'udp';
  if (!batch || !drain?.connections || !hasConnections || rolling.drain?.batch === batch.number) return null;
  const slots = members
    .filter(({ agent }) => (runOf(agent)?.release ?? to) !== to)
    .map(({ number }) => number);
  const until = now + drain.timeoutMs;
  return {
    do: 'drain',
    batch: batch.number,
    slots,
    until,
    reason: 'agents may end their connections before they are stopped',
  };
}

/** Waits until the batch is ready, measures it when its observation starts and when it ends, and judges it. */
function planBatch(fleet: Fleet, rollout: Rollout, batch: Batch, view: BatchView, now: BootMs): Step | null {
  const { rolling } = fleet;
  if (view.waiting.length > 0) return null;
  const end = windowEnd(view, rollout);
  const isLooked = rolling.latest !== null && (rolling.latest.at >= end || now < end);
  if (isLooked && now < end) return null;
  const old = readyOn(fleet, rollout.from);
  if (!isLooked && view.ready.length > 0) {
    const slots = [...chooseMeasured(view.ready), ...chooseMeasured(old)];
    return { do: 'measure', slots, reason: `${nameOf(batch)} is ${now < end ? '' : 'still '}ready` };
  }
  const cohort = cohortOf(view.ready, rolling.first, rolling.latest);
  const before = old.length > 0 ? cohortOf(old, rolling.first, rolling.latest) : (rollout.baseline ?? cohort);
  const worse =
    view.ready.length === 0 ? null : judgeCohorts(cohort, withLoad(before, rollout), rollout.from);
  const count = `${view.ready.length} of ${view.members.length} ready`;
  const found = worse ?? [count, describeCohorts(cohort, before)].filter(Boolean).join(' ');
  const verdict = { ...verdictOn(rollout, view, found, now), isGood: worse === null, cohort, before };
  return worse === null
    ? {
        do: 'rollout',
        change: changeOf(withVerdict({ ...rollout, batch: null }, verdict)),
        reason: wordsOf(verdict),
      }
    : failed(fleet, rollout, verdict, null);
}

/**
 * The agents before may have been started in quieter times. Batches that were judged good were started like this one, so
 * the time that they took to become ready is acceptable for it as well.
 */
function withLoad(before: Cohort, { verdicts }: Rollout): Cohort {
  const proven = verdicts.findLast(({ isGood }) => isGood)?.cohort?.readyMs ?? 0;
  return { ...before, readyMs: before.readyMs === null ? null : Math.max(before.readyMs, proven) };
}

/** After a bad verdict: rolls back, or holds the fleet if `rollback` is off. */
function failed(fleet: Fleet, rollout: Rollout, verdict: BatchVerdict, last: AgentFailure | null): Step {
  const judged = withVerdict(rollout, verdict);
  const reason = wordsOf(verdict);
  const sampleSlot = last?.slot ?? null;
  if (rollout.options.rollback) {
    return {
      do: 'rollout',
      change: rollBack(fleet, judged, reason, sampleSlot),
      reason: `rolling back to release ${rollout.from}: ${reason}`,
    };
  }
  const hold = `the rollout to release ${rollout.to} failed: ${reason}`;
  const change = changeOf({ ...judged, state: 'paused', reason }, { hold, sampleSlot });
  return { do: 'rollout', change, reason: `held, because rollback is off: ${reason}` };
}

/** Waits until everything is back on the release that it came from, or has failed on it by its own fault. */
function planRollback(fleet: Fleet, rollout: Rollout): Step | null {
  for (const slot of fleet.slots.values())
    if (!isBack(slot, rollout)) return rollBackLatecomers(fleet, rollout);
  const change = changeOf({ ...rollout, state: 'rolled-back', updated: countReadyOn(fleet, rollout.to) });
  return {
    do: 'rollout',
    change,
    reason: `rolled back: ${countReadyOn(fleet, rollout.from)} of ${fleet.target} agents are ready on release ${rollout.from}`,
  };
}

/** Agents that were unwanted when the rollback started, and are wanted again. */
function rollBackLatecomers(fleet: Fleet, rollout: Rollout): Step | null {
  const slots = slotsToMoveBack(fleet, rollout);
  if (slots.length === 0) return null;
  const change = changeOf(rollout, { slots, release: rollout.from });
  return { do: 'rollout', change, reason: `more agents move back to release ${rollout.from}` };
}

function isBack({ wanted, agent, release, failures }: Slot, rollout: Rollout): boolean {
  const run = runOf(agent);
  if (run && mustMoveBack(rollout, run.release)) return false;
  if (!wanted) return true;
  if (run && run.release !== release) return false;
  const { state } = agent;
  return ['ready', 'unready', 'failed', 'completed'].includes(state) || failures > 0;
}

function isFirst({ verdicts }: Rollout): boolean {
  return verdicts.length === 0;
}

function verdictOn(
  { batch, failures, verdicts }: Rollout,
  view: BatchView | null,
  reason: string,
  now: BootMs,
): BatchVerdict {
  const members = new Set(view?.members.map(({ number }) => number));
  return {
    batch: batch?.number ?? verdicts.at(-1)?.batch ?? 0,
    isCanary: batch?.isCanary ?? false,
    agents: members.size,
    failed: failures.filter(({ slot }) => members.has(slot)).length,
    isGood: false,
    reason,
    cohort: null,
    before: null,
    tookMs: batch ? Math.max(0, now - batch.begunAt) : 0,
  };
}

function withVerdict(rollout: Rollout, verdict: BatchVerdict): Rollout {
  return { ...rollout, verdicts: [...rollout.verdicts, verdict].slice(-VERDICTS_KEPT) };
}

function wordsOf({ batch, isCanary, reason }: BatchVerdict): string {
  return batch === 0 ? reason : `${isCanary ? 'canary' : `batch ${batch}`}: ${reason}`;
}
