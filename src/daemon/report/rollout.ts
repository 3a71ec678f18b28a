import type { FleetStatus } from '../../api/fleets.ts';
import type { ReleasesDocument, RolloutDocument, RolloutStatus } from '../../api/rollout.ts';
import { runOf } from '../../fleet/agent.ts';
import { newestFirst } from '../../fleet/decide/releases.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { batchSize } from '../../fleet/rollout/batch.ts';
import type { Rollout } from '../../fleet/rollout/record.ts';
import { countFailed, isOver } from '../../fleet/rollout/rolling.ts';
import { countReadyOn, viewBatch, windowEnd } from '../../fleet/rollout/view.ts';
import type { FleetRunner } from '../fleet/runner.ts';

/** The maximum number of failures in the document; the events have all of them. */
const FAILURES_SHOWN_MAX = 100;

/** The `rollout` of a fleet's status; null if there never was one. */
export function rolloutStatus({ fleet }: FleetRunner): RolloutStatus | null {
  const { record } = fleet.rolling;
  if (!record) return null;
  const { state, from, to, reason, updated } = record;
  return {
    state,
    from,
    to,
    updated: updated ?? countReadyOn(fleet, to),
    total: fleet.target,
    failed: countFailed(record),
    reason,
  };
}

/** Everything about a fleet's rollout; null if there never was one. */
export function rolloutDocument(runner: FleetRunner, now: number): RolloutDocument | null {
  const { fleet, name } = runner;
  const { record } = fleet.rolling;
  const status = rolloutStatus(runner);
  if (!record || !status) return null;
  const { id, startedAt, options, verdicts, failures, sample } = record;
  const left = batchesLeft(runner, record);
  const batch = batchOf(runner, record, now);
  return {
    fleet: name,
    ...status,
    id,
    startedAt,
    options,
    batch,
    batchesLeft: left,
    leftMs: left * batchMs(record) + (record.batch ? timeLeft(record, batch, now) : 0),
    verdicts,
    failures: failures.slice(-FAILURES_SHOWN_MAX),
    sample,
  };
}

/** The releases that are kept, newest first. */
export function releasesDocument({ fleet }: FleetRunner): ReleasesDocument {
  const agents = countByRelease(fleet);
  return {
    releases: [...fleet.releases.values()].toSorted(newestFirst).map(({ id, label = null, createdAt }) => ({
      release: id,
      label,
      createdAt,
      agents: agents.get(id) ?? 0,
      current: id === fleet.release,
    })),
  };
}

/** The releases that agents run, the one of most agents first. */
export function releasesRun({ fleet }: FleetRunner): FleetStatus['releases'] {
  return [...countByRelease(fleet)]
    .map(([release, agents]) => ({ release, agents }))
    .sort((a, b) => b.agents - a.agents);
}

function countByRelease({ slots }: Fleet): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { agent } of slots.values()) {
    const release = runOf(agent)?.release;
    if (release) counts.set(release, (counts.get(release) ?? 0) + 1);
  }
  return counts;
}

function batchOf({ fleet }: FleetRunner, record: Rollout, now: number): RolloutDocument['batch'] {
  if (!record.batch) return null;
  const view = viewBatch(fleet, record, record.batch);
  return {
    number: record.batch.number,
    isCanary: record.batch.isCanary,
    agents: view.members.length,
    ready: view.ready.length,
    observedForMs: view.waiting.length > 0 ? null : Math.max(0, windowEnd(view, record) - now),
  };
}

function batchesLeft({ fleet }: FleetRunner, record: Rollout): number {
  if (isOver(record) || record.state === 'rolling-back') return 0;
  let outdated = 0;
  for (const { wanted, release } of fleet.slots.values()) if (wanted && release !== record.to) outdated++;
  return Math.ceil(outdated / batchSize(record, fleet.target));
}

/** The duration of a batch, from those that were judged; before the first verdict, only its observation is known. */
function batchMs({ verdicts, options }: Rollout): number {
  const batches = verdicts.filter(({ isCanary }) => !isCanary);
  if (batches.length === 0) return options.waitMs;
  return batches.reduce((sum, { tookMs }) => sum + tookMs, 0) / batches.length;
}

function timeLeft(record: Rollout, batch: RolloutDocument['batch'], now: number): number {
  return (
    batch?.observedForMs ?? Math.max(record.options.waitMs, batchMs(record) - (now - record.batch!.begunAt))
  );
}
