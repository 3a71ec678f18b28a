import { Fleet } from '../../fleet/fleet.ts';
import type { RunRecord, StoredFleet } from '../../fleet/records.ts';
import {
  agentCandidates,
  type FoundProcess,
  lostFleets,
  markForVacating,
  reattach,
  restorePast,
  slotsToRecover,
  UNSEEN,
} from '../../fleet/recovery.ts';
import { ticksToMs } from '../../host/sys/process-id.ts';
import type { RunStore } from '../../store/runs.ts';
import { clearRemnants } from '../fleet/remnants.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from './supervisor.ts';

type Census = ReadonlyMap<string, readonly FoundProcess[]>;

/**
 * Recovers after the supervisor was away: wanted state from the store, agents from the kernel. An agent that is proved
 * to be ours is reattached as it is; any other process in a slot is a remnant and is ended; fleets that the store has
 * lost, but whose agents run, are held exactly as they are.
 */
export function recover(supervisor: Supervisor, stored: readonly StoredFleet[], runs: RunStore): void {
  const { host } = supervisor;
  const census = host.processes.census();
  const known = new Set(stored.map(({ fleet }) => fleet.name));
  const lost = lostFleets(census, known, (name) => runs.load(name), host.date());
  for (const record of [...stored, ...lost]) {
    const runner = supervisor.runnerOf(new Fleet(record, host.now()));
    reattachAll(supervisor, runner, census, runs);
    for (const { slot } of record.slots) markForVacating(runner.fleet, slot, host.now());
    supervisor.manage(runner);
  }
  for (const { fleet, slots } of lost) {
    supervisor.fleets.get(fleet.name)!.commit({
      record: fleet,
      slots,
      events: [{ type: 'hold', reason: fleet.hold!.reason, slots: slots.map(({ slot }) => slot) }],
    });
  }
}

function reattachAll(supervisor: Supervisor, runner: FleetRunner, census: Census, runs: RunStore): void {
  const { host, journal } = supervisor;
  const { fleet, name } = runner;
  const records = runs.load(name);
  const bySlot = new Map(records.map((record) => [record.slot, record]));
  const found: number[] = [];
  for (const slot of slotsToRecover(fleet, census, records)) {
    const record = bySlot.get(slot);
    if (record) reportLate(supervisor, name, record);
    const key = runner.key(slot);
    const alive = census.get(key) ?? [];
    const main = agentCandidates(host.processes.containment, record, alive, runs.wasBehind).find(
      ({ process }) => host.processes.reattach(key, process),
    );
    if (main) {
      const startedAt = ticksToMs(main.process.startTicks);
      reattach(fleet, slot, main, { startedAt, now: host.now(), date: host.date() });
      found.push(slot);
    } else {
      const moment = { now: host.now(), date: host.date() };
      if (record && restorePast(fleet, slot, record, moment)) journal.slot('exit', name, slot, UNSEEN);
      if (alive.length > 0) {
        journal.note('remnant', name, 'processes without an agent are ended', [slot]);
        clearRemnants(runner, slot);
      }
    }
    // What is as it was noted need not be noted again: with 10,000 agents, that alone takes a tenth of the time.
    if (record?.readyAt == null || record.process?.pid !== main?.process.pid) runner.noteRun(slot);
  }
  if (found.length > 0) journal.note('adopt', name, 'reattached', found);
}

/**
 * Events reach their file a moment after the records of the same turn: a supervisor that was killed in between has
 * recorded an exit without reporting it.
 */
function reportLate({ events, journal }: Supervisor, name: string, { slot, lastExit }: RunRecord): void {
  if (lastExit !== null && events.newestAt !== null && lastExit.at > events.newestAt)
    journal.slot('exit', name, slot, lastExit.reason);
}
