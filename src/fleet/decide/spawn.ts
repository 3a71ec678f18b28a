import { FleetError } from '../../errors/fleet-error.ts';
import type { Spec } from '../../specification/spec.ts';
import { runOf, type Slot } from '../agent.ts';
import { slotRecord, wantedRecord } from '../derive.ts';
import { Fleet } from '../fleet.ts';
import type { FleetRecord, ReleaseRecord } from '../records.ts';
import { isOver } from '../rollout/rolling.ts';
import { type TargetChange, toTarget } from '../target.ts';
import type { Decision } from './decision.ts';

/** A spec as it was written down, and where its relative paths start. */
export interface WrittenSpec {
  spec: Spec;
  baseDir: string;
}

/** A spawn that passed every check that needs no look at the host. */
export interface SpawnProposal extends WrittenSpec {
  target: number;
  /** All slots that are wanted then. */
  slots: ReadonlySet<number>;
  change: TargetChange;
  /** Everything has to stop first. */
  recreate: boolean;
  /** More is asked for than before, or something else: whether it fits is worth a question. */
  isMore: boolean;
}

/**
 * What a spawn would make of a fleet, before its release is made.
 * @param existing null where the fleet is not known yet
 * @param written the spec that the request brings; null: the fleet's own stays
 * @throws FleetError USAGE, UNKNOWN, SPEC_MISSING, SPEC_FIXED
 */
export function proposeSpawn(
  name: string,
  existing: Fleet | null,
  written: WrittenSpec | null,
  { target: asked, force = false }: { target?: number | undefined; force?: boolean | undefined },
): SpawnProposal {
  const { spec, baseDir } = specFor(name, existing, written);
  const target = asked ?? spec.target ?? existing?.target;
  if (target === undefined) {
    throw new FleetError(
      'USAGE',
      `how many agents of ${name}? Neither the command nor the spec has a target`,
    );
  }
  const wanted = existing?.wanted() ?? new Set<number>();
  const change = toTarget(wanted, target);
  return {
    spec,
    baseDir,
    target,
    slots: wanted.union(new Set(change.add)).difference(new Set(change.remove)),
    change,
    recreate: existing !== null && mustRecreate(spec, existing, force),
    isMore: written !== null || target > wanted.size,
  };
}

/**
 * The spec that a request brings, or the fleet's own.
 * @throws FleetError USAGE where it is another fleet's, UNKNOWN or SPEC_MISSING where there is none
 */
export function specFor(name: string, existing: Fleet | null, written: WrittenSpec | null): WrittenSpec {
  if (written) {
    if (written.spec.name === name) return written;
    throw new FleetError('USAGE', `the spec is named ${written.spec.name}, not ${name}`);
  }
  if (!existing)
    throw new FleetError('UNKNOWN', `there is no fleet ${name}, and the request has no spec for one`);
  const { spec, baseDir } = existing.record;
  if (!spec) throw new FleetError('SPEC_MISSING', `the spec of fleet ${name} was lost`);
  return { spec, baseDir };
}

/**
 * Registers or updates a fleet and sets its target: one change.
 * @param newest the release of the spec that was brought; null: the fleet's newest stays
 */
export function decideSpawn(
  existing: Fleet | null,
  proposal: SpawnProposal,
  newest: ReleaseRecord | null,
): Decision {
  const { spec, baseDir, target, slots, change, recreate } = proposal;
  const release = newest?.id ?? existing!.release;
  const isNew = !existing || release !== existing.release || !isSame(spec, existing.record.spec);
  const rollout = existing?.record.rollout ?? null;
  const isRolling = rollout !== null && !isOver(rollout);
  const isEnded = isRolling && (recreate || release !== existing!.release);
  const record: FleetRecord = {
    name: spec.name,
    spec,
    baseDir,
    release,
    hold: isNew ? null : existing.record.hold,
    recreate: recreate || (existing?.record.recreate ?? false),
    rollout: isEnded ? null : rollout,
  };
  const fleet = existing ?? new Fleet({ fleet: record, slots: [], releases: [] }, 0);
  // What has nothing to keep during a rollout has its turn in one of its batches.
  const moved = isNew && (!isRolling || isEnded) ? slotsToMove(fleet, recreate, slots) : [];
  const changed = [...change.add, ...change.remove];
  const isTold = isNew || changed.length > 0;
  const reason = `spawn: target ${target}${isNew ? `, release ${release}` : ''}`;
  return {
    change: {
      record,
      respec: true,
      ...(newest && { release: newest }),
      slots: [
        ...change.add.map((slot) => wantedRecord(fleet, slot, release)),
        ...change.remove.map((slot) => slotRecord(fleet, slot, { wanted: false })),
        ...moved.map((slot) => slotRecord(fleet, slot, { release })),
      ],
      renewed: moved,
      events: [
        ...(isEnded
          ? [{ type: 'rollout' as const, reason: `ended by spawn: new agents get release ${release}` }]
          : []),
        ...(isTold ? [{ type: 'target' as const, reason, slots: changed }] : []),
      ],
    },
    goal: { kind: 'ready', target },
    notes: [],
  };
}

/** What the user should know of agents that a spawn leaves as they are. */
export function noteOlder(fleet: Fleet): string[] {
  const { release } = fleet;
  const older = [...fleet.slots.values()].filter((slot) => slot.wanted && slot.release !== release).length;
  if (older === 0) return [];
  return [`${older} agents keep their release; fleetctl rolling-update brings them to ${release}`];
}

/**
 * Changed ports or user cannot be applied to agents that run next to each other: all of them must go first.
 * @throws FleetError SPEC_FIXED unless that is forced
 */
export function mustRecreate(spec: Spec, { record, slots, target, name }: Fleet, force: boolean): boolean {
  const old = record.spec;
  if (!old || slots.size === 0 || isSame([spec.ports, spec.user], [old.ports, old.user])) return false;
  if (force) return true;
  throw new FleetError(
    'SPEC_FIXED',
    `fleet ${name} has ${target} agents, and the spec changes ports or user`,
  );
}

/** Which slots take a new release at once: those that have nothing to keep, or all where all are stopped anyway. */
function slotsToMove(fleet: Fleet, recreate: boolean, wanted: ReadonlySet<number>): number[] {
  const hasNothing = ({ agent, failures, lastExit }: Slot) =>
    !runOf(agent) && (failures > 0 || lastExit === null);
  return [...fleet.slots.values()]
    .filter((slot) => slot.wanted && wanted.has(slot.number) && (recreate || hasNothing(slot)))
    .map(({ number }) => number);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
