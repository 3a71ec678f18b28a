import type { Share } from '../../specification/spec.ts';

export type RolloutState = 'running' | 'paused' | 'rolling-back' | 'done' | 'rolled-back';

/** The options of a rollout. */
export interface RolloutOptions {
  /** Agents replaced together. */
  batch: Share;
  /** How long a batch is observed once it is ready. */
  waitMs: number;
  /** Agents replaced first, as a batch of their own; 0 for none. */
  canary: number;
  /** More failed agents than this end the rollout. */
  maxFailed: Share;
  /** Whether it rolls back automatically; otherwise the fleet is held. */
  rollback: boolean;
  /** The time after which an agent that is not ready has failed. */
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

/** Measurements of the agents of one release: medians, and the mean for the processor; null if unknown. */
export interface Cohort {
  agents: number;
  /** From start to ready. */
  readyMs: number | null;
  rssBytes: number | null;
  /** The share of one processor that an agent uses. */
  cpu: number | null;
}

/** The result of judging a batch, with what it was compared with. */
export interface BatchVerdict {
  batch: number;
  isCanary: boolean;
  agents: number;
  failed: number;
  isGood: boolean;
  reason: string;
  /** The batch, if it was measured, and the release before it. */
  cohort: Cohort | null;
  before: Cohort | null;
  /** The time from the start of the batch to its verdict. */
  tookMs: number;
}

/** An agent of the new release that failed; each slot counts once. */
export interface AgentFailure {
  slot: number;
  reason: string;
}

/**
 * What survives of a rollout: its decisions. Progress follows from the slots, whose release is the one that each should
 * have. `from` is the release to roll back to; `to` is the one that it brings, or that a rollback leaves.
 */
export interface Rollout {
  /** Grows with each rollout of the fleet. */
  id: number;
  state: RolloutState;
  from: string;
  to: string;
  /** Releases of rollouts that this one replaced: a rollback leaves them as well. */
  unproven: string[];
  options: RolloutOptions;
  /** ISO 8601. */
  startedAt: string;
  /** The batch under way; null between two batches. */
  batch: Batch | null;
  /** Slots that were broken before their batch began: their failures do not count. */
  broken: number[];
  failures: AgentFailure[];
  /** The latest verdicts; each of them is an event as well. */
  verdicts: BatchVerdict[];
  /** The measurements before the first batch. */
  baseline: Cohort | null;
  /** Why it is paused or rolls back. */
  reason: string | null;
  /** The last output of the agent that failed last. */
  sample: string | null;
  /** The number of agents on the new release when it ended; null before. */
  updated: number | null;
}
