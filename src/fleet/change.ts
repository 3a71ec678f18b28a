import type { BootMs } from './agent.ts';
import type { EventType } from './events.ts';
import type { Fleet } from './fleet.ts';
import type { FleetRecord, ReleaseRecord, SlotRecord } from './records.ts';
import { readied } from './transitions.ts';

/**
 * What a decision makes of a fleet: all of it, or nothing. It is written first, then applied, then reported; whoever
 * dies in between leaves a fleet that the next supervisor reads as decided.
 */
export interface Change {
  /** The fleet's new record; absent: it stays. */
  record?: FleetRecord;
  /** A spec was accepted with the record: each slot is looked at again under it, and what blocked starts is forgotten. */
  respec?: boolean;
  /** Slots as they are to be written. */
  slots?: readonly SlotRecord[];
  /** A release that becomes known. */
  release?: ReleaseRecord;
  /** Ids of releases that are kept no longer. */
  forgotten?: readonly string[];
  /** Slots whose `prepare` has succeeded. */
  prepared?: readonly number[];
  /** Slots whose failures are forgotten, so that they may start at once. */
  renewed?: readonly number[];
  /** What is reported once the change is durable. */
  events?: readonly ChangeEvent[];
  /** It takes effect even where it cannot be written: the storm breaker's hold must come and go on a full disk as well. */
  isBestEffort?: boolean;
}

/** An event that a change brings with it. */
export interface ChangeEvent {
  type: EventType;
  reason: string;
  slots?: readonly number[];
}

/** Makes a fleet what a change says, once that is durable. @param now milliseconds since boot */
export function applyChange(fleet: Fleet, change: Change, now: BootMs): void {
  const { record, respec = false, slots = [], release, forgotten = [], prepared = [], renewed = [] } = change;
  if (release) fleet.releases.set(release.id, release);
  for (const id of forgotten) fleet.releases.delete(id);
  if (record) accept(fleet, record, respec, now);
  for (const { slot, wanted, ...wish } of slots) {
    if (wish.prepared) fleet.prepared.add(slot);
    if (wanted) fleet.want(slot, wish, now);
    else fleet.unwant(slot, now);
  }
  for (const slot of prepared) {
    fleet.prepared.add(slot);
    fleet.slot(slot).prepared = true;
    readied(fleet, slot, 'prepared', now);
  }
  for (const slot of renewed) fleet.renew(slot, now);
}

/** Only what differs has an effect: a hold that stays, or everything that is being stopped anyway, begins no second time. */
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
