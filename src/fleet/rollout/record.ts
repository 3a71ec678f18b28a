import type { Share } from '../../specification/spec.ts';

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
