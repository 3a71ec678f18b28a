import type { StrayResult } from '../../api/strays.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { decideAdoption, decideNotAdopted } from '../../fleet/decide/strays.ts';
import type { SlotRecord } from '../../fleet/records.ts';
import { placeStrays } from '../../fleet/strays/placement.ts';
import { reattached } from '../../fleet/transitions.ts';
import type { Processes } from '../../host/host.ts';
import { ticksToMs } from '../../host/sys/process-id.ts';
import { formatPlace, placesOf } from '../../specification/places.ts';
import { clearRemnants } from '../fleet/remnants.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { type FoundStray, stillStrays } from '../strays/find.ts';
import { judgeUser } from '../strays/users.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { preflight } from './preflight.ts';

/** States in which nothing runs in a slot, or is about to. */
const FREE = new Set(['pending', 'backoff', 'failed']);

/**
 * Adopts strays into free slots as they run, so that they become agents. Everything is checked first. Then the slots
 * become wanted, durably; then the processes are moved. A supervisor killed in between leaves wanted, empty slots, in
 * which the next one starts agents: the target is exact at every moment.
 * @throws FleetError if nothing can be adopted; then nothing has changed
 */
export async function adoptStrays(
  supervisor: Supervisor,
  runner: FleetRunner,
  strays: readonly FoundStray[],
): Promise<{ results: StrayResult[]; notes: string[] }> {
  checkPossible(supervisor, runner);
  const still = await stillStrays(supervisor, strays, strays[0]?.fingerprints ?? []);
  // Nothing else has a turn from here to the end, so no agent is started in these slots.
  const { processes } = supervisor.host;
  const here = still.filter((stray) => processes.others.isStill(stray));
  const { slotOf, refused } = place(runner, here, processes);
  const failed = slotOf.size === 0 ? new Map<FoundStray, StrayResult>() : adopt(supervisor, runner, slotOf);
  const results = strays.map((stray): StrayResult => {
    const slot = slotOf.get(stray);
    const reason = refused.get(stray);
    if (reason !== undefined) return { result: 'failed', reason };
    if (slot === undefined) return { result: 'gone' };
    return failed.get(stray) ?? { result: 'adopted', slot, state: 'starting' };
  });
  return { results, notes: notesOn(runner, slotOf) };
}

/** Chooses a slot for each stray, among those of its user; its identity is read again, because it may have changed. */
function place(
  { fleet, name }: FleetRunner,
  strays: readonly FoundStray[],
  { others, users }: Processes,
): { slotOf: Map<FoundStray, number>; refused: Map<FoundStray, string> } {
  const judged = strays.map((stray) => ({
    stray,
    ...judgeUser(users, fleet.spec, { ...stray, uids: others.uidsOf(stray.pid) }),
  }));
  const places = placeStrays(
    judged.map(({ stray, allowed, refused }) => ({
      slot: stray.slot,
      allowed: refused === null ? allowed : 'none',
    })),
    (slot) => FREE.has(fleet.slots.get(slot)?.agent.state ?? 'pending'),
  );
  const slotOf = new Map<FoundStray, number>();
  const refused = new Map<FoundStray, string>();
  for (const [i, { stray, allowed, refused: why }] of judged.entries()) {
    const slot = places[i] ?? null;
    if (slot !== null) slotOf.set(stray, slot);
    else refused.set(stray, why ?? `slot ${allowed} of ${name}, the only one of its user, is in use`);
  }
  return { slotOf, refused };
}

/** @returns the results of the strays that could not be adopted */
function adopt(
  supervisor: Supervisor,
  runner: FleetRunner,
  slotOf: ReadonlyMap<FoundStray, number>,
): Map<FoundStray, StrayResult> {
  const added = want(supervisor, runner, slotOf);
  const failed = moveIn(runner, slotOf);
  const left = [...failed.keys()].map((stray) => slotOf.get(stray)!);
  unwant(runner, left, added);
  return failed;
}

function checkPossible({ host }: Supervisor, { name, fleet }: FleetRunner): void {
  if (host.processes.containment !== 'cgroup') {
    throw new FleetError(
      'PRIVILEGE_MISSING',
      'strays cannot be adopted: this supervisor cannot write a cgroup v2 tree, and nothing else proves after a crash ' +
        'that a process started by others belongs to a slot',
      {
        hint: 'Run the supervisor as root, or end the strays (fleetctl strays --kill) and spawn as many agents.',
      },
    );
  }
  if (fleet.stopAll) {
    throw FleetError.of('BUSY.stopping', { fleet: name });
  }
}

/** Makes the slots wanted. @returns those that were unwanted before */
function want(
  supervisor: Supervisor,
  runner: FleetRunner,
  slotOf: ReadonlyMap<FoundStray, number>,
): readonly SlotRecord[] {
  const { host, paths, fleets } = supervisor;
  const { fleet } = runner;
  const slots = fleet.wantedSlots().union(new Set(slotOf.values()));
  const unserved = [...slotOf].filter(([stray, slot]) => stray.slot !== slot).map(([, slot]) => slot);
  const served = slots.difference(new Set(unserved));
  preflight({ spec: fleet.spec, baseDir: fleet.record.baseDir, slots, served }, host, paths, fleets);
  const change = decideAdoption(fleet, [...slotOf.values()]);
  runner.commit(change);
  return change.slots;
}

/** Moves the processes, and reports the moved ones to the fleet. @returns the results of the others */
function moveIn(runner: FleetRunner, slotOf: ReadonlyMap<FoundStray, number>): Map<FoundStray, StrayResult> {
  const { host, journal } = runner.services;
  const failed = new Map<FoundStray, StrayResult>();
  const all = [...slotOf];
  const moved = host.processes.adoptForeign(
    all.map(([process, slot]) => ({ key: runner.key(slot), process })),
  );
  for (const [i, [stray, slot]] of all.entries()) {
    const result = moved[i]!;
    if (!result.ok) failed.set(stray, { result: 'failed', reason: result.error.message });
    else if (result.value) adopted(runner, slot, stray);
    else failed.set(stray, { result: 'gone' });
  }
  const slots = all.filter(([stray]) => !failed.has(stray)).map(([, slot]) => slot);
  if (slots.length > 0) journal.note('adopt', runner.name, 'strays adopted as they run', slots);
  runner.agentsStarted();
  return failed;
}

/** It counts as an agent of the slot's release, because nothing more is known of it than that it looks like one. */
function adopted(runner: FleetRunner, slot: number, stray: FoundStray): void {
  const { fleet, services } = runner;
  const now = services.host.now();
  fleet.renew(slot, now);
  const { release, generation } = fleet.slot(slot);
  const { pid, startTicks, startedAt: startedIso } = stray;
  const run = { pid, startTicks, startedAt: ticksToMs(startTicks), startedIso, release, generation };
  reattached(fleet, slot, run, null, now);
  runner.noteRun(slot);
}

/** Takes back the target of strays that could not be adopted, and ends what they may have left in their slots. */
function unwant(runner: FleetRunner, slots: readonly number[], added: readonly SlotRecord[]): void {
  if (slots.length === 0) return;
  for (const slot of slots) clearRemnants(runner, slot);
  runner.commit(decideNotAdopted(added, slots));
}

/** A process that cannot become ready in its slot is replaced later; the user should know it now. */
function notesOn({ fleet, name }: FleetRunner, slotOf: ReadonlyMap<FoundStray, number>): string[] {
  const { ports, ready } = fleet.spec;
  if (ready.kind === 'socket' || ready.kind === 'notify') {
    return [
      `${name} checks readiness by ${ready.kind === 'socket' ? 'its socket' : 'notification'}, which a process started by ` +
        `others rarely serves: one not ready within ${ready.timeoutMs / 1000} s is stopped and replaced by a new agent`,
    ];
  }
  if (ports === null || ready.kind === 'after') return [];
  const astray = [...slotOf].filter(([stray, slot]) => stray.slot !== slot);
  const [first] = astray;
  if (!first) return [];
  const [{ pid }, slot] = first;
  const others = astray.length > 1 ? ` (and ${astray.length - 1} others like it)` : '';
  return [
    `pid ${pid} does not hold ${formatPlace(placesOf(fleet.spec, slot)[0]!)} of its slot ${slot} of ${name}${others}; unless it is ready ` +
      `there within ${ready.timeoutMs / 1000} s, it is stopped and replaced by a new agent`,
  ];
}
