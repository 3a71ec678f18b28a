import { formatSlots } from '../specification/slots.ts';
import { freshWish, type Moment, type ProcessId, pastOf, type Run, type Wish } from './agent.ts';
import { endedUnseen, giveUp } from './endings.ts';
import type { Fleet } from './fleet.ts';
import type { FleetRecord, RunRecord, StoredFleet } from './records.ts';
import { parseSlotKey } from './slot-records.ts';
import { reattached } from './transitions.ts';

/** A process found in a slot. */
export interface FoundProcess extends ProcessId {
  /**
   * It leads a session, as an agent does from its start (its children do so only of their own accord), and is not an
   * errand (prepare, a check).
   */
  leads: boolean;
  /** It is bubblewrap in front of an agent, never the agent itself. */
  guards?: true;
}

/** A process that may be a slot's agent, with its record. */
export interface Candidate {
  process: ProcessId;
  record: RunRecord | undefined;
}

/** The reason for an agent that ended while no supervisor ran. */
export const UNSEEN = 'ended while the supervisor was away';

/** The slots that are wanted, that have a record of a run, or in which something lives. */
export function slotsToRecover(
  fleet: Fleet,
  census: ReadonlyMap<string, unknown>,
  records: readonly RunRecord[],
): Set<number> {
  const slots = new Set(fleet.slots.keys());
  for (const { slot, process } of records) if (process) slots.add(slot);
  for (const key of census.keys()) {
    const { name, slot } = parseSlotKey(key);
    if (name === fleet.name) slots.add(slot);
  }
  return slots;
}

/**
 * The processes that may be a slot's agent, likeliest first: the recorded one; without a record (the supervisor was
 * killed between start and record) the oldest session leader. A recorded one that is gone has left only remnants, unless
 * the records are behind what happened: then that leader may be its successor. If the recorded one is bubblewrap, the
 * leader is the agent in its sandbox.
 */
export function agentCandidates(
  containment: 'cgroup' | 'session',
  record: RunRecord | undefined,
  found: readonly FoundProcess[],
  isBehind: boolean,
): Candidate[] {
  const noted = record?.process;
  const leaders = found
    .filter(({ leads }) => leads)
    .slice(0, 1)
    .map((process) => ({ process, record: record && { ...record, process: null, readyAt: null } }));
  if (!noted) return leaders;
  const there = found.find(({ pid, startTicks }) => pid === noted.pid && startTicks === noted.startTicks);
  // What it guards was not known yet when that was recorded.
  if (there?.guards) return leaders;
  if (there) return [{ process: noted, record }];
  // Without cgroups the census finds leaders only by their log, which an agent may have closed; the record is proof enough.
  return [...(containment === 'session' ? [{ process: noted, record }] : []), ...(isBehind ? leaders : [])];
}

/**
 * Supervises an agent of ours again, as it is. In an unwanted slot, it will be stopped: such a slot is made by
 * `want` before and `unwant` after.
 */
export function reattach(
  fleet: Fleet,
  slot: number,
  { process, record }: Candidate,
  { startedAt, now, date }: Moment & { startedAt: number },
): void {
  const isWanted = fleet.slots.has(slot);
  if (!isWanted) fleet.want(slot, unwantedWish(fleet, slot), now);
  const { release, generation } = fleet.slot(slot);
  const noted = record?.process;
  const run: Run = {
    pid: process.pid,
    startTicks: process.startTicks,
    startedAt,
    startedIso: noted?.startedIso ?? new Date(date.getTime() - (now - startedAt)).toISOString(),
    release: noted?.release ?? release,
    generation: noted?.generation ?? generation,
    ...(noted?.moved !== undefined && { moved: noted.moved }),
  };
  if (record) Object.assign(fleet.slot(slot), pastOf(record));
  reattached(fleet, slot, run, record?.readyAt ?? null, now);
  if (!isWanted) fleet.unwant(slot, now);
}

/**
 * Restores the past of a slot from its record if its agent is gone.
 * @returns whether an agent has ended unseen
 */
export function restorePast(
  fleet: Fleet,
  slot: number,
  record: RunRecord,
  { now, date }: Moment,
): 'ended-unseen' | null {
  const found = fleet.slots.get(slot);
  if (!found) return null;
  Object.assign(found, pastOf(record));
  const { process, givenUp } = record;
  if (process) {
    const isCurrent = process.release === found.release && process.generation === found.generation;
    endedUnseen(fleet, slot, { reason: UNSEEN, at: date.toISOString() }, isCurrent, now);
    return 'ended-unseen';
  }
  if (givenUp?.generation === found.generation && !found.completed) {
    const { state, reason } = givenUp;
    giveUp(fleet, slot, { state, reason }, now);
  }
  return null;
}

/**
 * An unwanted slot in which nothing was found may still have files on the host: the supervisor was killed before it
 * vacated the slot. `want` and then `unwant` is how an unwanted slot is made; the plan then vacates it.
 */
export function markForVacating(fleet: Fleet, slot: number, now: number): void {
  if (fleet.slots.has(slot)) return;
  fleet.want(slot, unwantedWish(fleet, slot), now);
  fleet.unwant(slot, now);
}

/** Fleets unknown to the store whose agents run: they are held exactly as they are. */
export function lostFleets(
  census: ReadonlyMap<string, unknown>,
  known: ReadonlySet<string>,
  runsOf: (fleet: string) => readonly RunRecord[],
  date: Date,
): StoredFleet[] {
  const byFleet = Map.groupBy(census.keys(), (key) => parseSlotKey(key).name);
  return [...byFleet]
    .filter(([name]) => !known.has(name))
    .map(([name, keys]) => {
      const slots = keys.map((key) => parseSlotKey(key).slot);
      const releases = new Map(runsOf(name).map(({ slot, process }) => [slot, process?.release ?? '']));
      return {
        fleet: lostRecord(name, slots, date),
        slots: slots.map((slot) => ({
          slot,
          wanted: true,
          ...freshWish(releases.get(slot) ?? '', true),
        })),
        releases: [],
      };
    });
}

function lostRecord(name: string, slots: readonly number[], date: Date): FleetRecord {
  const reason = `its wanted state was lost; slots ${formatSlots(slots)} run and are held as they are; fleetctl spawn -f FILE provides a spec`;
  const hold = { by: 'recovery', reason, since: date.toISOString(), sample: null } as const;
  return { name, spec: null, baseDir: '/', release: '', hold, recreate: false };
}

/** The wish for a slot that is not wanted: its agent or its traces are removed, as the kill has asked. */
function unwantedWish(fleet: Fleet, slot: number): Wish {
  const { urgent = false, purge = false } = fleet.leaving.get(slot) ?? {};
  return { ...freshWish(fleet.release, true), urgent, purge };
}
