import type { AgentFailure, BatchVerdict, RolloutOptions, RolloutState } from '../fleet/rollout/record.ts';

/** GET and POST of a fleet's rollout, and what goes with it. */
export const ROLLOUT_API = {
  update: (name: string) => `/v1/fleets/${name}/rolling-update`,
  rollout: (name: string) => `/v1/fleets/${name}/rollout`,
  rollback: (name: string) => `/v1/fleets/${name}/rollback`,
  releases: (name: string) => `/v1/fleets/${name}/releases`,
} as const;

/** The `rollout` of a fleet's status. */
export interface RolloutStatus {
  state: RolloutState;
  from: string;
  to: string;
  /** Agents that are ready on the new release. */
  updated: number;
  total: number;
  failed: number;
  reason: string | null;
}

/** GET rollout: the status, and more. */
export interface RolloutDocument extends RolloutStatus {
  fleet: string;
  id: number;
  startedAt: string;
  options: RolloutOptions;
  /** The batch under way. */
  batch: {
    number: number;
    isCanary: boolean;
    agents: number;
    ready: number;
    /** How long it is to be observed yet; null while it is not ready as a whole. */
    observedForMs: number | null;
  } | null;
  /** How many batches come after this one. */
  batchesLeft: number;
  /** An estimate, from the batches so far. */
  leftMs: number;
  verdicts: BatchVerdict[];
  failures: AgentFailure[];
  sample: string | null;
}

/** POST rolling-update. Without `spec` the fleet's own spec is read anew (its `binary` may have changed). */
export interface RollingUpdateRequest {
  spec?: unknown;
  /** Directory that relative paths of `spec` start from; required with `spec`. */
  baseDir?: string;
  /** Absolute path of the executable to run instead of the spec's. */
  binary?: string;
  label?: string;
  options?: Partial<Omit<RolloutOptions, 'healthyDeadlineMs'>>;
}

/** POST rollout. */
export interface RolloutRequest {
  action: 'pause' | 'resume' | 'abort';
}

/** POST rollback. */
export interface RollbackRequest {
  /** A release, by the beginning of its id or by its label; absent: the newest earlier one. */
  to?: string;
}

/** GET releases. */
export interface ReleasesDocument {
  releases: ReleaseRow[];
}

export interface ReleaseRow {
  release: string;
  label: string | null;
  /** ISO 8601. */
  createdAt: string;
  /** How many agents run it. */
  agents: number;
  /** Whether new agents get it. */
  current: boolean;
}
