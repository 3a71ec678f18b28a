import type { Share } from '../specification/spec.ts';

/** The paths of rollouts and releases. */
export const ROLLOUT_API = {
  update: (name: string) => `/v1/fleets/${name}/rolling-update`,
  rollout: (name: string) => `/v1/fleets/${name}/rollout`,
  rollback: (name: string) => `/v1/fleets/${name}/rollback`,
  releases: (name: string) => `/v1/fleets/${name}/releases`,
} as const;

export type RolloutState = 'running' | 'paused' | 'rolling-back' | 'done' | 'rolled-back';

/** How a rollout proceeds. */
export interface RolloutOptions {
  /** The number of agents replaced together. */
  batch: Share;
  /** How long a batch is observed once it is ready. */
  waitMs: number;
  /** The number of agents replaced first, in a batch of their own; 0 for none. */
  canary: number;
  /** The maximum number of failed agents; more of them end the rollout. */
  maxFailed: Share;
  /** Whether it rolls back automatically; otherwise the fleet is held. */
  rollback: boolean;
  /** The time after which an agent that is not ready counts as failed. */
  healthyDeadlineMs: number;
}

/** Agents that are replaced together. */
export interface Batch {
  /** Counted from 1. */
  number: number;
  isCanary: boolean;
  slots: number[];
  /** Milliseconds since boot. */
  begunAt: number;
}

/** Measurements of the agents of one release: medians, and the mean of the processor time; null if unknown. */
export interface Cohort {
  agents: number;
  /** The time from start to ready. */
  readyMs: number | null;
  rssBytes: number | null;
  /** The share of one processor per agent. */
  cpu: number | null;
}

/** The verdict on a batch, with the measurements that it is based on. */
export interface BatchVerdict {
  batch: number;
  isCanary: boolean;
  agents: number;
  failed: number;
  isGood: boolean;
  reason: string;
  /** The measurements of the batch, and of the previous release. */
  cohort: Cohort | null;
  before: Cohort | null;
  /** From the beginning of the batch to its verdict. */
  tookMs: number;
}

/** An agent of the new release that failed; each slot counts once. */
export interface AgentFailure {
  slot: number;
  reason: string;
}

/**
 * The durable part of a rollout: what was decided. The work under way follows from the slots' wanted releases. `from` is
 * the release that it rolls back to, `to` the one that it introduces, or that a rollback abandons.
 */
export interface Rollout {
  /** Grows with each rollout of the fleet. */
  id: number;
  state: RolloutState;
  from: string;
  to: string;
  /** Releases of rollouts that this one has replaced; a rollback abandons them too. */
  unproven: string[];
  options: RolloutOptions;
  /** ISO 8601. */
  startedAt: string;
  /** The current batch; null between two batches. */
  batch: Batch | null;
  /** Slots that had failed before their batch began; their failures do not count. */
  broken: number[];
  failures: AgentFailure[];
  /** The latest verdicts; each one is also an event. */
  verdicts: BatchVerdict[];
  /** Measurements of the agents before the first batch. */
  baseline: Cohort | null;
  /** Why it is paused or rolls back. */
  reason: string | null;
  /** The last output of an agent that failed. */
  sample: string | null;
  /** The number of agents on the new release when it ended; null before. */
  updated: number | null;
}

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

/** GET rollout: the status with all details. */
export interface RolloutDocument extends RolloutStatus {
  fleet: string;
  id: number;
  startedAt: string;
  options: RolloutOptions;
  /** The current batch. */
  batch: {
    number: number;
    isCanary: boolean;
    agents: number;
    ready: number;
    /** How much longer it is observed; null until all of it is ready. */
    observedForMs: number | null;
  } | null;
  /** The number of batches after this one. */
  batchesLeft: number;
  /** An estimate from the batches so far. */
  leftMs: number;
  verdicts: BatchVerdict[];
  failures: AgentFailure[];
  sample: string | null;
}

/** POST rolling-update. Without `spec`, the fleet's spec is used again (its `binary` may have changed). */
export interface RollingUpdateRequest {
  spec?: unknown;
  /** The directory that paths in `spec` are relative to; required with `spec`. */
  baseDir?: string;
  /** The absolute path of the executable that replaces the one in the spec. */
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
  /** The beginning of a release's id, or its label; absent: the newest earlier release. */
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
  /** The number of agents that run it. */
  agents: number;
  /** Whether new agents get it. */
  current: boolean;
}
