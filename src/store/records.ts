import type { Rollout } from '../api/rollout.ts';
import type { Spec } from '../specification/spec.ts';

/** The wanted state of a fleet, which must survive. */
export interface FleetRecord {
  name: string;
  /** Null if the state was lost, and the fleet is known only from its running agents. */
  spec: Spec | null;
  /** The directory that paths in the spec are relative to. */
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
}

/** What is wanted of one slot, and whether it was prepared. */
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
  /** The absolute path of the executable: the copy in the release store if the spec names a binary. */
  path: string;
  /** argv and environment with their placeholders. */
  argv: string[];
  env: Record<string, string>;
  /** The content of `envFile` when the release was made. Secret: it leaves the store only for an agent's environment. */
  secrets: Record<string, string>;
  createdAt: string;
  /** A name that the user gave it. */
  label?: string;
  /** The spec of the release, which a rollback restores; absent in records of an older fleetd. */
  spec?: Spec;
  baseDir?: string;
}

/** What is wanted of the supervisor itself. */
export interface Settings {
  /** Until when alarms are silenced (ISO 8601), or until they are turned on again (null); absent: they are on. */
  maintenance?: { until: string | null };
  /** The loopback port of the metrics; absent: none. */
  metricsPort?: number;
  /** The loopback port of the dashboard, and its token, which is secret; absent: none. */
  dashboard?: { port: number; token: string };
}

/** A fleet with its slots and releases. */
export interface StoredFleet {
  fleet: FleetRecord;
  slots: SlotRecord[];
  releases: ReleaseRecord[];
}
