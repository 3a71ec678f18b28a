import { resolve } from 'node:path';
import type { Accepted, SpawnRequest } from '../../api/protocol.ts';
import { FleetError } from '../../errors.ts';
import { runOf, type Slot } from '../../fleet/agent.ts';
import { isOver } from '../../fleet/rollout/rollout.ts';
import { type TargetChange, toTarget } from '../../fleet/target.ts';
import type { Host } from '../../host/host.ts';
import { parseSpec } from '../../specification/parse.ts';
import type { Spec } from '../../specification/spec.ts';
import type { FleetRecord, SlotRecord } from '../../store/records.ts';
import { commit } from '../fleet/commit.ts';
import { Managed } from '../fleet/managed.ts';
import type { Supervisor } from '../supervisor.ts';
import { checkCapacity } from './capacity.ts';
import { preflight } from './preflight.ts';
import { makeRelease, pruneReleases } from './release.ts';

/**
 * Registers or updates a fleet and sets its target: everything is checked first, then written as one change.
 * @throws FleetError that says why it was refused; nothing has changed then
 */
export async function spawnFleet(
  supervisor: Supervisor,
  name: string,
  request: SpawnRequest,
): Promise<Accepted> {
  const { host, paths, fleets, journal } = supervisor;
  const existing = fleets.get(name);
  const { spec, baseDir } = specOf(name, request, existing);
  const target = targetOf(request, spec, existing);
  const recreate = existing !== undefined && mustRecreate(spec, existing, request.force ?? false);
  const wanted = existing?.fleet.wanted() ?? new Set<number>();
  const change = toTarget(wanted, target);
  const slots = wanted.union(new Set(change.add)).difference(new Set(change.remove));
  preflight({ spec, baseDir, slots }, host, paths, fleets);
  const isMore = request.spec !== undefined || target > wanted.size;
  if (isMore && !request.force) checkCapacity(spec, slots.size, supervisor);

  const making = { baseDir, paths, host, known: existing?.releases ?? new Map(), now: host.date() };
  const newest = request.spec === undefined ? null : await makeRelease(spec, making);
  const release = newest?.id ?? existing!.fleet.release;
  const isNew = !existing || release !== existing.fleet.release || !isSame(spec, existing.record.spec);
  const rollout = existing?.record.rollout ?? null;
  const isRolling = rollout !== null && !isOver(rollout);
  const isEnded = isRolling && (recreate || release !== existing!.fleet.release);
  const fleet: FleetRecord = {
    name,
    spec,
    baseDir,
    release,
    hold: isNew ? null : existing.record.hold,
    recreate: recreate || (existing?.record.recreate ?? false),
    rollout: isEnded ? null : rollout,
  };
  const managed = existing ?? new Managed({ fleet, slots: [], releases: [] }, host.now());
  // What has nothing to keep during a rollout has its turn in one of its batches.
  const moved =
    isNew && (!isRolling || isEnded)
      ? slotsToMove(managed, recreate).filter((slot) => wanted.has(slot) && slots.has(slot))
      : [];
  const records = slotRecords(managed, change, moved, release);
  commit(supervisor, managed, { slots: records, fleet, ...(newest && { release: newest }) });
  for (const slot of moved) managed.fleet.renew(slot, host.now());
  if (newest) pruneReleases(supervisor, managed);

  if (isEnded) journal.note('rollout', name, `ended by spawn: new agents get release ${release}`);
  const changed = [...change.add, ...change.remove];
  if (isNew || changed.length > 0) {
    journal.note('target', name, `spawn: target ${target}${isNew ? `, release ${release}` : ''}`, changed);
  }
  return {
    fleet: name,
    target,
    notes: notesOn(request.spec, managed, host),
    goal: { kind: 'ready', target },
  };
}

/** The spec that a request brings, or the fleet's own. */
export function specOf(
  name: string,
  request: Pick<SpawnRequest, 'spec' | 'baseDir'>,
  existing: Managed | undefined,
): { spec: Spec; baseDir: string } {
  if (request.spec !== undefined) {
    const spec = parseSpec(request.spec);
    if (spec.name !== name) throw new FleetError('USAGE', `the spec is named ${spec.name}, not ${name}`);
    return { spec, baseDir: resolve('/', request.baseDir ?? '/') };
  }
  if (!existing)
    throw new FleetError('UNKNOWN', `there is no fleet ${name}, and the request has no spec for one`);
  const { spec, baseDir } = existing.record;
  if (!spec) throw new FleetError('SPEC_MISSING', `the spec of fleet ${name} was lost`);
  return { spec, baseDir };
}

function targetOf({ target }: SpawnRequest, spec: Spec, existing: Managed | undefined): number {
  const found = target ?? spec.target ?? existing?.fleet.target;
  if (found !== undefined) return found;
  throw new FleetError(
    'USAGE',
    `how many agents of ${spec.name}? Neither the command nor the spec has a target`,
  );
}

/**
 * Changed ports or user cannot be applied to agents that run beside each other: all of them must go first.
 * @throws FleetError SPEC_FIXED unless that is forced
 */
export function mustRecreate(spec: Spec, { record, fleet }: Managed, force: boolean): boolean {
  const old = record.spec;
  if (!old || fleet.slots.size === 0 || isSame([spec.ports, spec.user], [old.ports, old.user])) return false;
  if (force) return true;
  throw new FleetError(
    'SPEC_FIXED',
    `fleet ${spec.name} has ${fleet.target} agents, and the spec changes ports or user`,
  );
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Which slots take a new release at once: those that have nothing to keep, or all where all are stopped anyway. */
function slotsToMove({ fleet }: Managed, recreate: boolean): number[] {
  const hasNothing = ({ agent, failures, lastExit }: Slot) =>
    !runOf(agent) && (failures > 0 || lastExit === null);
  return [...fleet.slots.values()].filter((slot) => recreate || hasNothing(slot)).map(({ number }) => number);
}

function slotRecords(
  managed: Managed,
  { add, remove }: TargetChange,
  moved: readonly number[],
  release: string,
): SlotRecord[] {
  return [
    ...add.map((slot) => managed.newSlot(slot, release)),
    ...remove.map((slot) => managed.slotRecord(slot, { wanted: false })),
    ...moved.map((slot) => managed.slotRecord(slot, { release })),
  ];
}

/** What the user should know about a spec that was accepted. */
function notesOn(document: unknown, { name, fleet }: Managed, host: Host): string[] {
  const older = [...fleet.slots.values()].filter(
    ({ wanted, release }) => wanted && release !== fleet.release,
  ).length;
  const unenforced = document === undefined ? null : host.processes.unenforced(name);
  return [
    ...(unenforced === null ? [] : [unenforced]),
    ...(older > 0
      ? [`${older} agents keep their release; fleetctl rolling-update brings them to ${fleet.release}`]
      : []),
  ];
}
