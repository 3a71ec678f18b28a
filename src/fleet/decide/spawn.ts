import { FleetError } from '../../errors/fleet-error.ts';
import type { Spec } from '../../specification/spec.ts';
import { runOf, type Slot } from '../agent.ts';
import { Fleet } from '../fleet.ts';
import type { FleetRecord, ReleaseRecord } from '../records.ts';
import { isOver } from '../rollout/rolling.ts';
import { isSame } from '../same.ts';
import { slotRecord, wantedRecord } from '../slot-records.ts';
import { type TargetChange, toTarget } from '../target.ts';
import type { Decision } from './decision.ts';

/** A spec as written, and the directory of its relative paths. */
export interface WrittenSpec {
  spec: Spec;
  baseDir: string;
}

/** A spawn that passed every check that does not depend on the host. */
export interface SpawnProposal extends WrittenSpec {
  target: number;
  /** All slots that would be wanted. */
  slots: ReadonlySet<number>;
  change: TargetChange;
  /** Everything must stop first. */
  recreate: boolean;
  /** It asks for more agents than before, or for different ones, so the capacity of the host is checked. */
  isMore: boolean;
}

/**
 * Proposes what a spawn would make of a fleet, before its release is made.
 * @param existing null if the fleet is not known yet
 * @param written the spec of the request; null: the fleet keeps its own
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
    throw new FleetError('USAGE', `neither the command nor the spec sets the target of fleet ${name}`);
  }
  const wanted = existing?.wantedSlots() ?? new Set<number>();
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
 * The spec of a request, or the fleet's own.
 * @throws FleetError USAGE if it is another fleet's, UNKNOWN or SPEC_MISSING if there is none
 */
export function specFor(name: string, existing: Fleet | null, written: WrittenSpec | null): WrittenSpec {
  if (written) {
    if (written.spec.name === name) return written;
    throw new FleetError('USAGE', `the spec is named "${written.spec.name}", not "${name}"`);
  }
  if (!existing) throw new FleetError('UNKNOWN', `there is no fleet "${name}", and the request has no spec`);
  const { spec, baseDir } = existing.record;
  if (!spec) throw new FleetError('SPEC_MISSING', `the spec of fleet ${name} was lost`);
  return { spec, baseDir };
}

/**
 * Registers or updates a fleet and sets its target, as one change.
 * @param newest the release of the spec in the request; null: the fleet's newest stays
 * @param configured the configuration file that it comes from; absent: a command
 */
export function decideSpawn(
  existing: Fleet | null,
  proposal: SpawnProposal,
  newest: ReleaseRecord | null,
  configured?: FleetRecord['configured'],
): Decision {
  const { spec, baseDir, target, slots, change, recreate } = proposal;
  const release = newest?.id ?? existing!.release;
  const isNew = !existing || release !== existing.release || !isSame(spec, existing.record.spec);
  const rollout = existing?.record.rollout ?? null;
  const isRolling = rollout !== null && !isOver(rollout);
  const isEnded = isRolling && (recreate || release !== existing!.release);
  const record: FleetRecord = {
    ...existing?.record,
    name: spec.name,
    spec,
    baseDir,
    release,
    hold: isNew ? null : existing.record.hold,
    recreate: recreate || (existing?.record.recreate ?? false),
    rollout: isEnded ? null : rollout,
    ...(configured && { configured }),
  };
  const fleet = existing ?? new Fleet({ fleet: record, slots: [], releases: [] }, 0);
  // During a rollout, slots without a running agent take the new release in their batch.
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
        // Where everything stops first, an agent that still runs in its slot is no reason to keep its release.
        ...change.add.map((slot) => ({
          ...wantedRecord(fleet, slot, release),
          ...(record.recreate && { release }),
        })),
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

/** A note about agents that a spawn leaves on their release. */
export function noteOlder(fleet: Fleet): string[] {
  const { release } = fleet;
  const older = [...fleet.slots.values()].filter((slot) => slot.wanted && slot.release !== release).length;
  if (older === 0) return [];
  return [`${older} agents keep their release; fleetctl rolling-update moves them to ${release}`];
}

/**
 * Whether everything must stop first: agents with the old and the new ports, addresses or user cannot run next to each other.
 * @throws FleetError SPEC_FIXED unless it is forced
 */
export function mustRecreate(spec: Spec, { record, slots, target, name }: Fleet, force: boolean): boolean {
  const old = record.spec;
  if (!old || slots.size === 0 || isSame(placesIn(spec), placesIn(old))) return false;
  if (force) return true;
  throw new FleetError(
    'SPEC_FIXED',
    `fleet ${name} has ${target} agents, and the spec changes ports, addresses or user`,
  );
}

/** What agents cannot have in two ways at a time. */
function placesIn({ ports, addresses, user }: Spec): unknown {
  return [ports, addresses, user];
}

/** The slots that take a new release at once: those without a running agent, or all if everything is stopped anyway. */
function slotsToMove(fleet: Fleet, recreate: boolean, wanted: ReadonlySet<number>): number[] {
  const hasNothing = ({ agent, failures, lastExit }: Slot) =>
    !runOf(agent) && (failures > 0 || lastExit === null || agent.state === 'completed');
  return [...fleet.slots.values()]
    .filter((slot) => slot.wanted && wanted.has(slot.number) && (recreate || hasNothing(slot)))
    .map(({ number }) => number);
}
