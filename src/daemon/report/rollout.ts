import type { ReleasesDocument, RolloutDocument, RolloutStatus } from '../../api/rollout.ts';
import { runOf } from '../../fleet/agent.ts';
import { batchSize } from '../../fleet/rollout/batch.ts';
import type { Rollout } from '../../fleet/rollout/record.ts';
import { countFailed, countReadyOn, isOver, viewBatch, windowEnd } from '../../fleet/rollout/rollout.ts';
import { newestFirst } from '../commands/release.ts';
import type { Managed } from '../fleet/managed.ts';

/** So many failures are told; the events have all of them. */
const FAILURES_TOLD_MAX = 100;

/** The `rollout` of a fleet's status; null where there never was one. */
export function rolloutStatus({ fleet }: Managed): RolloutStatus | null {
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

/** All that is known of a fleet's rollout; null where there never was one. */
export function rolloutDocument(managed: Managed, now: number): RolloutDocument | null {
  const { fleet, name } = managed;
  const { record } = fleet.rolling;
  const status = rolloutStatus(managed);
  if (!record || !status) return null;
  const { id, startedAt, options, verdicts, failures, sample } = record;
  const left = batchesLeft(managed, record);
  const batch = batchOf(managed, record, now);
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
    failures: failures.slice(-FAILURES_TOLD_MAX),
    sample,
  };
}

/** The releases that are kept, the newest first. */
export function releasesDocument({ fleet, releases, record }: Managed): ReleasesDocument {
  const agents = Map.groupBy(fleet.slots.values(), ({ agent }) => runOf(agent)?.release);
  return {
    releases: [...releases.values()].toSorted(newestFirst).map(({ id, label = null, createdAt }) => ({
      release: id,
      label,
      createdAt,
      agents: agents.get(id)?.length ?? 0,
      current: id === record.release,
    })),
  };
}

function batchOf({ fleet }: Managed, record: Rollout, now: number): RolloutDocument['batch'] {
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

function batchesLeft({ fleet }: Managed, record: Rollout): number {
  if (isOver(record) || record.state === 'rolling-back') return 0;
  let outdated = 0;
  for (const { wanted, release } of fleet.slots.values()) if (wanted && release !== record.to) outdated++;
  return Math.ceil(outdated / batchSize(record, fleet.target));
}

/** How long a batch takes, by those that were judged; before the first one, its observation is all that is known. */
function batchMs({ verdicts, options }: Rollout): number {
  const whole = verdicts.filter(({ isCanary }) => !isCanary);
  if (whole.length === 0) return options.waitMs;
  return whole.reduce((sum, { tookMs }) => sum + tookMs, 0) / whole.length;
}

function timeLeft(record: Rollout, batch: RolloutDocument['batch'], now: number): number {
  return (
    batch?.observedForMs ?? Math.max(record.options.waitMs, batchMs(record) - (now - record.batch!.begunAt))
  );
}
