import type { Rollout } from '../api/rollout.ts';
import type { Spec } from '../specification/spec.ts';

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
export interface SlotRecord {
  slot: number;
  wanted: boolean;
  release: string;
  generation: number;
  prepared: boolean;
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

/** What is wanted of the supervisor itself. */
export interface Settings {
  /** Alarms rest until then (ISO 8601), or until they are turned on again (null); absent: they do not rest. */
  maintenance?: { until: string | null };
  /** Where metrics are served beside the API socket; absent: nowhere. */
  metricsPort?: number;
  /** Where the web page is served, and the token that it asks for; absent: nowhere. Secret. */
  dashboard?: { port: number; token: string };
}

/** A fleet with all that belongs to it. */
export interface StoredFleet {
  fleet: FleetRecord;
  slots: SlotRecord[];
  releases: ReleaseRecord[];
}
