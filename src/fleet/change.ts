import type { BootMs } from './agent.ts';
import type { EventType } from './events.ts';
import type { Fleet } from './fleet.ts';
import type { FleetRecord, ReleaseRecord, SlotRecord } from './records.ts';
import { prepareDone } from './transitions.ts';

/**
 * What a decision makes of a fleet: all of it, or nothing. It is written first, then applied, then reported, so that a
 * supervisor killed in between leaves a fleet that the next one reads as decided.
 */
export interface Change {
  /** The fleet's new record; absent: no change. */
  record?: FleetRecord;
  /** A spec was accepted with the record: each slot is judged again by it, and a blocked start may be retried. */
  respec?: boolean;
  /** The new records of slots. */
  slots?: readonly SlotRecord[];
  /** A new release. */
  release?: ReleaseRecord;
  /** Ids of releases that are no longer kept. */
  forgotten?: readonly string[];
  /** Slots whose `prepare` has succeeded. */
  prepared?: readonly number[];
  /** Slots whose agents have completed. */
  completed?: readonly number[];
  /** Slots whose failures are forgotten, so that they may start at once. */
  renewed?: readonly number[];
  /** The events to report once the change is durable. */
  events?: readonly ChangeEvent[];
  /** It takes effect even if it cannot be written: the storm breaker and alerts must also work on a full disk. */
  isBestEffort?: boolean;
}

/** An event of a change. */
export interface ChangeEvent {
  type: EventType;
  reason: string;
  slots?: readonly number[];
}

/** Applies a change that is durable to the fleet. @param now milliseconds since boot */
export function applyChange(fleet: Fleet, change: Change, now: BootMs): void {
  const { record, respec = false, slots = [], release, forgotten = [] } = change;
  const { prepared = [], completed = [], renewed = [] } = change;
  if (release) fleet.releases.set(release.id, release);
  for (const id of forgotten) fleet.releases.delete(id);
  if (record) accept(fleet, record, respec, now);
  for (const { slot, wanted, ...wish } of slots) {
    if (wish.prepared) fleet.prepared.add(slot);
    if (wish.purge) fleet.prepared.delete(slot);
    if (wanted) fleet.want(slot, wish, now);
    else fleet.unwant(slot, now, wish);
  }
  for (const slot of prepared) {
    fleet.prepared.add(slot);
    fleet.slot(slot).prepared = true;
    prepareDone(fleet, slot, 'prepared', now);
  }
  for (const slot of completed) fleet.complete(slot, now);
  for (const slot of renewed) fleet.renew(slot, now);
}

/** Applies a record. Only differences count: an unchanged hold, or a stop of everything under way, does not start again. */
function accept(fleet: Fleet, record: FleetRecord, respec: boolean, now: BootMs): void {
  const before = fleet.record;
  fleet.record = record;
  fleet.rolling.set(record.rollout ?? null);
  if (respec) fleet.respecify(record.spec!, now);
  if (record.recreate !== before.recreate) fleet.setStopAll(record.recreate ? 'recreate' : null, now);
  if (record.hold === null) {
    if (fleet.hold) fleet.setHold(null);
  } else if (record.hold !== before.hold) {
    fleet.setHold({ ...record.hold, probeAt: now + fleet.probeDelayMs });
  }
}
