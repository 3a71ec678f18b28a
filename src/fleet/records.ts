import type { Spec } from '../specification/spec.ts';
import type { Past, Run, Wish } from './agent.ts';
import type { AlertsRecord } from './alerts.ts';
import type { Rollout } from './rollout/record.ts';

/** What must survive: the wanted state of a fleet. */
export interface FleetRecord {
  name: string;
  /** Null if the state was lost, and only the running agents show that the fleet exists. */
  spec: Spec | null;
  /** The directory of relative paths in the spec. */
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
  /** The latest rollout; absent if there never was one. */
  rollout?: Rollout | null;
  /** The configuration file that was applied last; absent if there never was one. */
  configured?: Configured;
  /** What the receiver of its alerts was told; absent if there never was anything to tell. */
  alerts?: AlertsRecord;
}

/** A configuration file, as it was applied to a fleet. */
export interface Configured {
  path: string;
  /** The hash of the fleet's document in it. */
  hash: string;
  /** The target that it states; null if it states none. */
  target: number | null;
}

/** What is wanted of one slot, and what is known of it for ever. */
export interface SlotRecord extends Wish {
  slot: number;
  wanted: boolean;
}

/** One version of command, binary and environment, ready to be started in any slot. */
export interface ReleaseRecord {
  id: string;
  /** Absolute path of the executable: the copy in the release store if the spec names a binary. */
  path: string;
  /** argv and environment with their placeholders. */
  argv: string[];
  env: Record<string, string>;
  /** The variables of `envFile` when the release was made. Secret: they leave the store only for an agent's environment. */
  secrets: Record<string, string>;
  createdAt: string;
  /** Where symbolic links in its paths led when it was made, by key of the spec; absent: nowhere else. */
  links?: Record<string, string>;
  /** A name given by the user. */
  label?: string;
  /** The spec that it was made from, which a rollback restores; absent in records of an older fleetd. */
  spec?: Spec;
  baseDir?: string;
}

/** A fleet with all that belongs to it. */
export interface StoredFleet {
  fleet: FleetRecord;
  slots: SlotRecord[];
  releases: ReleaseRecord[];
}

/** An end for good. */
export interface GivenUp {
  state: 'failed' | 'completed';
  reason: string;
  generation: number;
}

/** What runs in a slot, and the slot's recent past: needed by the next supervisor, worthless after a reboot. */
export interface RunRecord extends Past {
  slot: number;
  /** Null if nothing runs. */
  process: Pick<Run, 'pid' | 'startTicks' | 'startedIso' | 'release' | 'generation' | 'moved'> | null;
  /** Why no automatic start follows, and for which generation; null if one may. */
  givenUp: GivenUp | null;
  /** Milliseconds since boot; null if it is not ready. */
  readyAt: number | null;
}
