import type { RolloutChange } from '../../fleet/rollout/changes.ts';
import type { FleetRecord, ReleaseRecord, SlotRecord } from '../../store/records.ts';
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
  const { plan } = managed;
  const { fleet, slots } = managed.decided(change, sample, host.date());
  if (change.newest === null) {
    store.write(managed.name, { fleet, slots });
    managed.record = fleet;
    managed.apply(slots, host.now());
  } else commit(supervisor, managed, { fleet, slots });
  plan.rolling.set(fleet.rollout ?? null);
  if (typeof change.hold === 'object' && fleet.hold) plan.setHold({ ...fleet.hold, probeAt: 0 });
  if (change.hold === 'lift' && plan.hold) plan.setHold(null);
  for (const { slot } of slots) plan.renew(slot, host.now());
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
  const { plan } = managed;
  managed.record = record;
  plan.rolling.set(record.rollout ?? null);
  plan.respecify(record.spec!, record.release, host.now());
  if (record.recreate) plan.setDrain('recreate', host.now());
  if (plan.hold && !record.hold) plan.setHold(null);
  if (fleets.has(managed.name)) supervisor.followSpec(managed);
  else supervisor.manage(managed);
}
