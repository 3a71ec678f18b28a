import type { FleetRecord, ReleaseRecord, SlotRecord } from '../../fleet/records.ts';
import type { RolloutChange } from '../../fleet/rollout/changes.ts';
import type { Supervisor } from '../supervisor.ts';
import type { Managed } from './managed.ts';

/** A change of what is wanted of a fleet. */
export interface WantedChange {
  slots: readonly SlotRecord[];
  /** The fleet's new record, where its spec was accepted. */
  fleet?: FleetRecord;
  release?: ReleaseRecord;
}

/**
 * Makes a decision about the rollout durable, and then true for the planner. Only where the spec changes with it is
 * the whole fleet looked at again.
 * @param sample what the agent that the decision is about last said
 */
export function commitRollout(
  supervisor: Supervisor,
  managed: Managed,
  change: RolloutChange,
  sample: string | null,
): void {
  const { host, store } = supervisor;
  const { fleet } = managed;
  const { fleet: decided, slots } = managed.decided(change, sample, host.date());
  if (change.newest === null) {
    store.write(managed.name, { fleet: decided, slots });
    managed.record = decided;
    managed.apply(slots, host.now());
  } else commit(supervisor, managed, { fleet: decided, slots });
  fleet.rolling.set(decided.rollout ?? null);
  if (typeof change.hold === 'object' && decided.hold) fleet.setHold({ ...decided.hold, probeAt: 0 });
  if (change.hold === 'lift' && fleet.hold) fleet.setHold(null);
  for (const { slot } of slots) fleet.renew(slot, host.now());
  supervisor.wake(managed);
}

/**
 * Makes a change durable, and then true for the planner.
 * @throws FleetError where it could not be written; nothing has changed then
 */
export function commit(supervisor: Supervisor, managed: Managed, change: WantedChange): void {
  const { store, host } = supervisor;
  store.write(managed.name, change);
  if (change.release) managed.releases.set(change.release.id, change.release);
  if (change.fleet) accept(supervisor, managed, change.fleet);
  managed.apply(change.slots, host.now());
  supervisor.limit(managed);
  supervisor.wake(managed);
}

function accept(supervisor: Supervisor, managed: Managed, record: FleetRecord): void {
  const { fleets, host } = supervisor;
  const { fleet } = managed;
  managed.record = record;
  fleet.rolling.set(record.rollout ?? null);
  fleet.respecify(record.spec!, record.release, host.now());
  if (record.recreate) fleet.setStopAll('recreate', host.now());
  if (fleet.hold && !record.hold) fleet.setHold(null);
  if (fleets.has(managed.name)) supervisor.followSpec(managed);
  else supervisor.manage(managed);
}
