import type { Share } from '../specification/spec.ts';

/** GET and POST of a fleet's rollout, and what goes with it. */
export const ROLLOUT_API = {
  update: (name: string) => `/v1/fleets/${name}/rolling-update`,
  rollout: (name: string) => `/v1/fleets/${name}/rollout`,
  rollback: (name: string) => `/v1/fleets/${name}/rollback`,
  releases: (name: string) => `/v1/fleets/${name}/releases`,
} as const;

export type RolloutState = 'running' | 'paused' | 'rolling-back' | 'done' | 'rolled-back';

/** How a rollout goes. */
export interface RolloutOptions {
  /** Agents replaced together. */
  batch: Share;
  /** How long a batch is observed once it is ready. */
  waitMs: number;
  /** Agents replaced first, alone; 0 for none. */
  canary: number;
  /** More failed agents than this end the rollout. */
  maxFailed: Share;
  /** Whether it goes back by itself; else the fleet is held. */
  rollback: boolean;
  /** An agent not ready after so long has failed. */
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

/** What the agents of one release are like: medians, and the mean for the processor; null where nobody could tell. */
export interface Cohort {
  agents: number;
  /** From start to ready. */
  readyMs: number | null;
  rssBytes: number | null;
  /** Of one processor, by one agent. */
  cpu: number | null;
}

/** What was found of a batch, and against what. */
export interface BatchVerdict {
  batch: number;
  isCanary: boolean;
  agents: number;
  failed: number;
  isGood: boolean;
  reason: string;
  /** The batch, where it was measured, and the release before it. */
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
 * A rollout as it survives: what was decided. What is under way follows from the slots, whose release says what each is
 * to be. `from` is the release that it goes back to, `to` the one that it brings, or that a rollback leaves.
 */
export interface Rollout {
  /** Grows with each rollout of the fleet. */
  id: number;
  state: RolloutState;
  from: string;
  to: string;
  /** Releases of rollouts that this one took the place of: going back leaves them too. */
  unproven: string[];
  options: RolloutOptions;
  /** ISO 8601. */
  startedAt: string;
  /** The batch under way; null between two of them. */
  batch: Batch | null;
  /** Slots that were broken before their batch began: their failures do not count. */
  broken: number[];
  failures: AgentFailure[];
  /** The latest ones; every one of them is an event too. */
  verdicts: BatchVerdict[];
  /** What the agents were like before the first batch. */
  baseline: Cohort | null;
  /** Why it is paused or goes back. */
  reason: string | null;
  /** What an agent that failed last said. */
  sample: string | null;
  /** How many agents were on the new release when it ended; null before. */
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
