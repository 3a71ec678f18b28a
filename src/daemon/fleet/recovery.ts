import type { FoundProcess, ProcessId } from '../../host/host.ts';
import { ticksToMs } from '../../host/process/process-id.ts';
import { formatSlots } from '../../specification/slots.ts';
import type { StoredFleet } from '../../store/records.ts';
import type { RunRecord, RunStore } from '../../store/runs.ts';
import type { Supervisor } from '../supervisor.ts';
import { Managed } from './managed.ts';

/** Said of an agent that ended while no supervisor was there to see it. */
const UNSEEN = 'ended while the supervisor was away';

/**
 * Finds everything again after the supervisor was away: wanted state from the store, agents from the kernel.
 * An agent that is proved to be ours is taken over as it is; whatever else lives in a slot is a remnant and is ended;
 * fleets that the store has lost, but whose agents run, are held exactly as they are.
 */
export function recover(supervisor: Supervisor, stored: readonly StoredFleet[], runs: RunStore): void {
  const census = supervisor.host.processes.census();
  const known = new Set(stored.map(({ fleet }) => fleet.name));
  const lost = lostFleets(census, known, runs, supervisor.host.date());
  for (const record of [...stored, ...lost]) {
    const managed = new Managed(record, supervisor.host.now());
    adoptAll(supervisor, managed, census, runs);
    for (const { slot } of record.slots) clearAway(managed, slot, supervisor.host.now());
    supervisor.manage(managed);
  }
  for (const { fleet, slots } of lost) {
    supervisor.store.write(fleet.name, { fleet, slots });
    const numbers = slots.map((slot) => slot.slot);
    supervisor.journal.note('hold', fleet.name, fleet.hold!.reason, numbers);
  }
}

function adoptAll(
  supervisor: Supervisor,
  managed: Managed,
  census: ReadonlyMap<string, readonly FoundProcess[]>,
  runs: RunStore,
): void {
  const { host, journal } = supervisor;
  const records = runs.load(managed.name);
  const bySlot = new Map(records.map((record) => [record.slot, record]));
  const adopted: number[] = [];
  for (const slot of slotsOf(managed, census, records)) {
    const record = bySlot.get(slot);
    if (record) tellLate(supervisor, managed, record);
    const found = census.get(managed.key(slot)) ?? [];
    const main = candidates(host.processes.containment, record, found, runs.wasBehind).find(({ process }) =>
      host.processes.reattach(managed.key(slot), process),
    );
    if (main) {
      reattach(supervisor, managed, slot, main.process, main.record);
      adopted.push(slot);
    } else {
      cameToNothing(supervisor, managed, slot, record, found.length > 0);
    }
    supervisor.noteRun(managed, slot);
  }
  if (adopted.length > 0) journal.note('adopt', managed.name, 'found running', adopted);
}

/** Slots that are wanted, that were noted to run, or in which something lives. */
function slotsOf(
  managed: Managed,
  census: ReadonlyMap<string, unknown>,
  records: readonly RunRecord[],
): Set<number> {
  const slots = new Set(managed.fleet.slots.keys());
  for (const { slot, process } of records) if (process) slots.add(slot);
  for (const key of census.keys()) {
    const [fleet, slot] = key.split('/');
    if (fleet === managed.name) slots.add(Number(slot));
  }
  return slots;
}

/**
 * What may be a slot's agent, likeliest first, with what was noted of it: the one that was noted; where nothing was,
 * because the supervisor was cut off between start and note, the oldest session leader. One that was noted and is gone
 * has left remnants only, unless the notes are behind what happened: then that leader may have come after it.
 */
function candidates(
  containment: 'cgroup' | 'session',
  record: RunRecord | undefined,
  found: readonly FoundProcess[],
  isBehind: boolean,
): { process: ProcessId; record: RunRecord | undefined }[] {
  const noted = record?.process;
  const leaders = found
    .filter(({ leads }) => leads)
    .slice(0, 1)
    .map((process) => ({ process, record: record && { ...record, process: null, readyAt: null } }));
  if (!noted) return leaders;
  const isThere = found.some(({ pid, startTicks }) => pid === noted.pid && startTicks === noted.startTicks);
  if (isThere) return [{ process: noted, record }];
  // Without cgroups the census knows leaders by their log only, which an agent may have closed; the note is proof enough.
  return [...(containment === 'session' ? [{ process: noted, record }] : []), ...(isBehind ? leaders : [])];
}

function reattach(
  supervisor: Supervisor,
  managed: Managed,
  slot: number,
  main: ProcessId,
  record: RunRecord | undefined,
): void {
  const now = supervisor.host.now();
  const { fleet } = managed;
  const isWanted = fleet.slots.has(slot);
  if (!isWanted) {
    fleet.want(slot, { release: managed.record.release, generation: 0, prepared: true }, now);
  }
  const wish = fleet.slot(slot);
  const noted = record?.process;
  const startedAt = ticksToMs(main.startTicks);
  const run = {
    pid: main.pid,
    startedAt,
    startedIso:
      noted?.startedIso ?? new Date(supervisor.host.date().getTime() - (now - startedAt)).toISOString(),
    release: noted?.release ?? wish.release,
    generation: noted?.generation ?? wish.generation,
  };
  if (record)
    Object.assign(wish, { restarts: record.restarts, failures: record.failures, lastExit: record.lastExit });
  managed.startTicks.set(slot, main.startTicks);
  fleet.reattached(slot, run, record?.readyAt ?? null, now);
  if (!isWanted) fleet.unwant(slot, now);
}

/**
 * A slot that is not wanted, and in which nothing was found, may still have a place on the host: the supervisor was cut
 * off before it cleared that away.
 */
function clearAway({ fleet, record }: Managed, slot: number, now: number): void {
  if (fleet.slots.has(slot)) return;
  fleet.want(slot, { release: record.release, generation: 0, prepared: true }, now);
  fleet.unwant(slot, now);
}

/** Nothing of the slot's agent is left but, perhaps, what it forked. */
function cameToNothing(
  supervisor: Supervisor,
  managed: Managed,
  slot: number,
  record: RunRecord | undefined,
  hasRemnants: boolean,
): void {
  const { fleet } = managed;
  if (record && fleet.slots.has(slot)) remember(supervisor, managed, slot, record);
  if (!hasRemnants) return;
  supervisor.journal.note('remnant', managed.name, 'processes without their agent are ended', [slot]);
  fleet.clearing(slot, supervisor.host.now());
  supervisor.host.processes.clear(managed.key(slot), () => {
    fleet.cleared(slot, supervisor.host.now());
    supervisor.wake(managed);
  });
}

/** Takes over a slot's past: how often it failed, that it was given up, and that its agent has ended unseen. */
function remember(supervisor: Supervisor, managed: Managed, slot: number, record: RunRecord): void {
  const { fleet } = managed;
  const { host, journal } = supervisor;
  const wish = fleet.slot(slot);
  Object.assign(wish, { restarts: record.restarts, failures: record.failures, lastExit: record.lastExit });
  if (record.process) {
    journal.slot('exit', managed.name, slot, UNSEEN);
    const isCurrent =
      record.process.release === wish.release && record.process.generation === wish.generation;
    fleet.endedUnseen(slot, { reason: UNSEEN, at: host.date().toISOString() }, isCurrent, host.now());
  } else if (record.givenUp && record.givenUp.generation === wish.generation) {
    fleet.giveUp(slot, record.givenUp.reason, host.now());
  }
}

/**
 * Events reach their file a moment after the notes of the same turn: a supervisor that was killed in between has noted an
 * exit and told nobody.
 */
function tellLate({ events, journal }: Supervisor, { name }: Managed, { slot, lastExit }: RunRecord): void {
  if (lastExit !== null && events.newestAt !== null && lastExit.at > events.newestAt)
    journal.slot('exit', name, slot, lastExit.reason);
}

/** Fleets of which the store knows nothing, although their agents run. */
function lostFleets(
  census: ReadonlyMap<string, unknown>,
  known: ReadonlySet<string>,
  runs: RunStore,
  now: Date,
): StoredFleet[] {
  const byFleet = Map.groupBy(census.keys(), (key) => key.split('/')[0]!);
  return [...byFleet]
    .filter(([name]) => !known.has(name))
    .map(([name, keys]) => {
      const slots = keys.map((key) => Number(key.split('/')[1]));
      const releases = new Map(runs.load(name).map(({ slot, process }) => [slot, process?.release ?? '']));
      const reason = `its wanted state was lost; slots ${formatSlots(slots)} run and are held as they are. fleetctl spawn -f FILE tells what is wanted`;
      return {
        fleet: {
          name,
          spec: null,
          baseDir: '/',
          release: '',
          hold: { by: 'recovery', reason, since: now.toISOString(), sample: null },
          recreate: false,
        },
        slots: slots.map((slot) => ({
          slot,
          wanted: true,
          release: releases.get(slot) ?? '',
          generation: 0,
          prepared: true,
        })),
        releases: [],
      };
    });
}
