import type { LeakVerdict, VerdictChange } from './verdict.ts';

/** One pass over a fleet's memory: column by column, the same index for the same agent. The store's passes fit. */
export interface Readings {
  /** Milliseconds since the epoch. */
  at: number;
  slots: Uint32Array;
  rssBytes: Float64Array;
  /** When each agent was started, in milliseconds since the epoch: with its slot that names one run. */
  startedMs: Float64Array;
  /** Each agent's release, as an index into `releases`. */
  release: Uint16Array;
  releases: readonly string[];
  /** Established connections of each agent; null where they were not counted. */
  connections: Uint32Array | null;
  /** Of the whole fleet; null where unknown. */
  connectionsTotal: number | null;
}

/** What of the spec the verdict needs. */
export interface LeakLimits {
  everyMs: number;
  /** Null where nothing alarms: then there is suspicion at most. */
  growthBytesPerHour: number | null;
  agentLimitBytes: number | null;
}

/** The verdict, as `status` shows it. */
export interface Leak {
  verdict: LeakVerdict;
  /** The growth of the whole fleet. */
  bytesPerHour: number;
  /** Its 95 % interval; null where nothing grows. */
  interval: { low: number; high: number } | null;
  /** ISO 8601; null where nothing grows. */
  since: string | null;
  /** What grows; null where nothing does. */
  scope: 'fleet' | 'cohort' | 'agents' | null;
  /** The release whose agents grow while another's do not; null where it is not one. */
  cohort: string | null;
  /** The slots whose own growth carries it, the fastest first, then those above the limit of an agent. */
  agents: number[];
  /** When the memory of the host is used up at this rate: ISO 8601; null where it is not in sight. */
  exhaustsAt: string | null;
  /** All of it in a sentence. */
  words: string;
}

/** A turn of the verdict: once when it begins, once when it is confirmed, once when it ends. */
export interface LeakEvent {
  turn: NonNullable<VerdictChange>;
  leak: Leak;
}
