import type { Spec } from '../specification/spec.ts';
import type { Past, Run, Wish } from './agent.ts';
import type { Rollout } from './rollout/record.ts';

/** What must survive: the wanted state of a fleet. */
export interface FleetRecord {
  name: string;
  /** Null where the state was lost and only the running agents told that there is such a fleet. */
  spec: Spec | null;
  /** Where relative paths of the spec start. */
  baseDir: string;
  /** The newest release. */
  release: string;
  hold: {
    by: 'user' | 'storm' | 'recovery' | 'rollout';
    reason: string;
    since: string;
    sample: string | null;
  } | null;
  recreate: boolean;
  /** The latest rollout; absent where there never was one. */
  rollout?: Rollout | null;
}

/** What is wanted of one slot, and what is known of it for ever. */
export interface SlotRecord extends Wish {
  slot: number;
  wanted: boolean;
}

/** One version of command, binary and environment, ready to be started in any slot. */
export interface ReleaseRecord {
  id: string;
  /** Absolute path of the executable: the copy in the release store where the spec names a binary. */
  path: string;
  /** argv and environment with their placeholders. */
  argv: string[];
  env: Record<string, string>;
  /** What `envFile` held when the release was made. Secret: it leaves the store for an agent's environment only. */
  secrets: Record<string, string>;
  createdAt: string;
  /** A name that the user gave it. */
  label?: string;
  /** The spec that it came with, which a rollback restores; absent in what an older fleetd has written. */
  spec?: Spec;
  baseDir?: string;
}

/** A fleet with all that belongs to it. */
export interface StoredFleet {
  fleet: FleetRecord;
  slots: SlotRecord[];
  releases: ReleaseRecord[];
}

export interface GivenUp {
  reason: string;
  generation: number;
}

/** What runs in a slot, and the slot's recent past: needed by the next supervisor, worthless after a reboot. */
export interface RunRecord extends Past {
  slot: number;
  /** Null where nothing runs. */
  process: Pick<Run, 'pid' | 'startTicks' | 'startedIso' | 'release' | 'generation'> | null;
  /** Why no automatic start follows, and for which generation that holds; null where one may. */
  givenUp: GivenUp | null;
  /** Milliseconds since boot; null where it is not ready. */
  readyAt: number | null;
}
