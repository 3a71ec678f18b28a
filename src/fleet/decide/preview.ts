import { differences, type SpecChange } from '../../specification/difference.ts';
import type { Spec } from '../../specification/spec.ts';
import type { Fleet } from '../fleet.ts';
import type { ReleaseRecord } from '../records.ts';
import type { SpawnProposal } from './spawn.ts';

/** What a command would make of a fleet. */
export interface Preview {
  fleet: string;
  action: 'create' | 'change' | 'none';
  target: { from: number | null; to: number };
  /** Null where there is none, or where it cannot be made. */
  release: { from: string | null; to: string | null };
  /** The slots that would be wanted, those that no longer would, and those whose agents would be replaced. */
  starts: readonly number[];
  stops: readonly number[];
  replaces: readonly number[];
  changes: readonly SpecChange[];
}

/**
 * Previews a spawn.
 * @param existing null if the fleet is not known yet
 * @param newest the release of the spec in the request; null: the fleet's newest stays, or none could be made
 */
export function previewSpawn(
  existing: Fleet | null,
  { spec, target, change, recreate }: SpawnProposal,
  newest: ReleaseRecord | null,
): Preview {
  const leaving = new Set(change.remove);
  const kept = [...(existing?.wantedSlots() ?? [])].filter((slot) => !leaving.has(slot));
  return preview(existing, spec, newest, {
    target,
    starts: change.add,
    stops: change.remove,
    replaces: recreate ? kept : [],
  });
}

/** Previews a rolling update. @param release null if it could not be made */
export function previewUpdate(fleet: Fleet, spec: Spec, release: ReleaseRecord | null): Preview {
  const replaces = [...fleet.slots.values()]
    .filter((slot) => slot.wanted && release !== null && slot.release !== release.id)
    .map(({ number }) => number);
  return preview(fleet, spec, release, { target: fleet.target, starts: [], stops: [], replaces });
}

function preview(
  existing: Fleet | null,
  spec: Spec,
  release: ReleaseRecord | null,
  { target, ...slots }: { target: number } & Pick<Preview, 'starts' | 'stops' | 'replaces'>,
): Preview {
  const from = existing?.release || null;
  const to = release?.id ?? from;
  const changes = differences(existing?.record.spec ?? null, spec);
  const isSame =
    existing !== null &&
    from === to &&
    changes.length + slots.starts.length + slots.stops.length + slots.replaces.length === 0;
  return {
    fleet: spec.name,
    action: existing === null ? 'create' : isSame ? 'none' : 'change',
    target: { from: existing?.target ?? null, to: target },
    release: { from, to },
    ...slots,
    changes: existing === null ? [] : changes,
  };
}
