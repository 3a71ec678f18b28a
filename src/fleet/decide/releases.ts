import { FleetError } from '../../errors/fleet-error.ts';
import { runOf } from '../agent.ts';
import type { Change } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import type { ReleaseRecord } from '../records.ts';

const LIST_HINT = 'fleetctl releases lists the releases that are kept';

/** Orders releases by age, newest first. */
export function newestFirst(a: ReleaseRecord, b: ReleaseRecord): number {
  return b.createdAt.localeCompare(a.createdAt) || a.id.localeCompare(b.id);
}

/**
 * Drops releases beyond `update.keep` that no agent runs and no rollout could roll back to.
 * @returns null if there are none
 */
export function decidePrune(fleet: Fleet): Change | null {
  const { record, slots, releases, spec } = fleet;
  const inUse = new Set([record.release, record.rollout?.from, record.rollout?.to]);
  for (const { release, agent } of slots.values()) inUse.add(release).add(runOf(agent)?.release);
  const older = [...releases.values()].filter(({ id }) => id !== record.release).toSorted(newestFirst);
  const expired = older.slice(spec.update.keep).filter(({ id }) => !inUse.has(id));
  return expired.length === 0 ? null : { forgotten: expired.map(({ id }) => id) };
}

/**
 * The release before the last update; without an update, the newest one older than the current release.
 * @throws FleetError UNKNOWN if none is kept
 */
export function releaseBefore({ releases, record, name }: Fleet): ReleaseRecord {
  const { rollout } = record;
  const updated = rollout?.state === 'done' && rollout.to === record.release && releases.get(rollout.from);
  if (updated) return updated;
  const sorted = [...releases.values()].toSorted(newestFirst);
  const before = sorted[sorted.findIndex(({ id }) => id === record.release) + 1];
  if (before) return before;
  throw new FleetError('UNKNOWN', `fleet ${name} keeps no release older than ${record.release}`, {
    hint: `${LIST_HINT}; fleetctl rollback --to RELEASE selects one.`,
  });
}

/** The only release with this label, or whose id starts with it. @throws FleetError UNKNOWN if there are none or several */
export function findRelease({ releases, name }: Fleet, named: string): ReleaseRecord {
  const found = [...releases.values()].filter(({ id, label }) => label === named || id.startsWith(named));
  const [only] = found;
  if (only && found.length === 1) return only;
  const what = only ? `${found.length} releases` : 'no release';
  throw new FleetError('UNKNOWN', `fleet ${name} keeps ${what} named "${named}"`, { hint: `${LIST_HINT}.` });
}
