import type { LeakVerdict, VerdictChange } from './verdict.ts';

/** The readings of one pass over a fleet, in columns: the same index is the same agent. The store's passes have this shape. */
export interface Readings {
  /** Milliseconds since the epoch. */
  at: number;
  slots: Uint32Array;
  rssBytes: Float64Array;
  /** The start time of each agent, in milliseconds since the epoch; with the slot, it identifies a run. */
  startedMs: Float64Array;
  /** Each agent's release, as an index into `releases`. */
  release: Uint16Array;
  releases: readonly string[];
  /** Established connections of each agent; null if they were not counted. */
  connections: Uint32Array | null;
  /** Connections of the whole fleet; null if unknown. */
  connectionsTotal: number | null;
}

/** The part of the spec that the verdict needs. */
export interface LeakLimits {
  everyMs: number;
  /** Null if no alarm is configured; the verdict is then at most suspect. */
  growthBytesPerHour: number | null;
  agentLimitBytes: number | null;
}

/** The verdict, as `status` shows it. */
export interface Leak {
  verdict: LeakVerdict;
  /** The growth of the whole fleet. */
  bytesPerHour: number;
  /** Its 95 % interval; null if nothing grows. */
  interval: { low: number; high: number } | null;
  /** ISO 8601; null if nothing grows. */
  since: string | null;
  /** What grows; null if nothing does. */
  scope: 'fleet' | 'cohort' | 'agents' | null;
  /** The release whose agents grow while those of another do not; null if there is none. */
  cohort: string | null;
  /** The slots that grow by themselves, fastest first, then those above agentLimit. */
  agents: number[];
  /** When the host runs out of memory at this rate, ISO 8601; null if not within a year. */
  exhaustsAt: string | null;
  /** All of this in a sentence. */
  words: string;
}

/** A change of the verdict: when it begins, when it is confirmed, and when it ends. */
export interface LeakEvent {
  turn: NonNullable<VerdictChange>;
  leak: Leak;
}
