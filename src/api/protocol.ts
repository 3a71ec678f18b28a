/**
 * The API: HTTP with JSON over a socket. The shapes of `status` and `ps` are stable, because --json prints them; all
 * others are internal to one version of fleetctl and fleetd.
 */

import type { Spec } from '../specification/spec.ts';
import type { RolloutDocument, RolloutStatus } from './rollout.ts';

export const API = {
  status: '/v1/status',
  agents: '/v1/agents',
  events: '/v1/events',
  shutdown: '/v1/shutdown',
  maintenance: '/v1/maintenance',
  metrics: '/metrics',
  dashboard: '/v1/dashboard',
  fleet: (name: string) => `/v1/fleets/${name}`,
  spawn: (name: string) => `/v1/fleets/${name}/spawn`,
  kill: (name: string) => `/v1/fleets/${name}/kill`,
  restart: (name: string) => `/v1/fleets/${name}/restart`,
  hold: (name: string) => `/v1/fleets/${name}/hold`,
  resume: (name: string) => `/v1/fleets/${name}/resume`,
  strays: '/v1/strays',
  actOnStrays: (name: string) => `/v1/fleets/${name}/strays`,
  watchdog: '/v1/watchdog',
  watch: (name: string) => `/v1/fleets/${name}/watch`,
  memory: (name: string) => `/v1/fleets/${name}/memory`,
  samples: (name: string) => `/v1/fleets/${name}/samples`,
  log: (name: string, slot: number) => `/v1/fleets/${name}/slots/${slot}/log`,
} as const;

/** GET status. */
export interface StatusDocument {
  supervisor: { pid: number; version: string; uptimeSeconds: number; rssBytes: number };
  host: {
    memoryTotalBytes: number;
    memoryAvailableBytes: number;
    /** Share of the last 10 s in which some tasks waited for memory, in percent (PSI some avg10); null without PSI. */
    memoryPressure: number | null;
    /** The maximum number of agents that this host's limits allow, all fleets together. */
    agentsMax: number | null;
  };
  fleets: FleetStatus[];
  /** Null unless alarms are silenced. */
  maintenance: MaintenanceState | null;
}

/** The numbers of a fleet that change all the time. */
export type FleetCounts = Omit<FleetStatus, 'leak' | 'memory' | 'pace' | 'rollout'>;

/** Until when alarms are silenced (ISO 8601); null: until they are turned on again. */
export interface MaintenanceState {
  until: string | null;
}

/** POST maintenance. */
export interface MaintenanceRequest {
  on: boolean;
  forMs?: number;
}

export interface FleetStatus {
  name: string;
  target: number;
  running: number;
  ready: number;
  starting: number;
  stopping: number;
  backoff: number;
  failed: number;
  held: Held | null;
  release: string | null;
  rssBytes: number | null;
  pssBytes: number | null;
  leak: LeakStatus;
  memory: FleetMemory;
  /** Null if there never was a rollout. */
  rollout: RolloutStatus | null;
  /** Why no agents are started, while memory is short; null otherwise, and without `pressure` in the spec. */
  pressure: { reason: string } | null;
  /** The external count of the agents; null without `verify` in the spec. */
  verify: VerifyStatus | null;
  /** How many agents may be starting; null if rounds are not adaptive. */
  pace: PaceStatus | null;
}

/** GET fleet: the spec of a fleet; null if it was lost. */
export interface FleetDocument {
  spec: Spec | null;
  baseDir: string;
}

/** Whether a fleet's memory leaks, as `leak.growth` and `leak.agentLimit` judge it. */
export interface LeakStatus {
  verdict: 'none' | 'suspect' | 'leak';
  /** Growth of the whole fleet. */
  bytesPerHour: number;
  /** ISO 8601; null if no leak is suspected. */
  since: string | null;
  /** The only release that leaks; null if the whole fleet leaks, or single agents. */
  cohort: string | null;
  /** The slots that grow by themselves, and those above agentLimit. */
  agents: number[];
  /** When the host runs out of memory at this rate, ISO 8601; null if not within a year. */
  exhaustsAt: string | null;
  /** All of this in a sentence. */
  words: string;
}

/** The state of `rounds.adaptive`. */
export interface PaceStatus {
  limit: number;
  /** The best recent rate of agents that became ready, per second; null until it is known. */
  ratePerSecond: number | null;
  /** The time from start to ready without a queue. */
  baseMs: number | null;
  reason: string;
}

/** The external count of a fleet's agents. */
export interface VerifyStatus {
  /** Null if it could not be read. */
  counted: number | null;
  running: number;
  degraded: boolean;
  reason: string | null;
}

/** Why a fleet is held, since when, and the last output of an agent that failed. */
export interface Held {
  reason: string;
  since: string;
  sample: string | null;
}

export type AgentState = 'starting' | 'ready' | 'unready' | 'stopping' | 'backoff' | 'failed';

export interface LastExit {
  code: number | null;
  signal: string | null;
  reason: string;
  at: string;
}

/** A line of `ps`. */
export interface AgentRow {
  fleet: string;
  slot: number;
  state: AgentState;
  pid: number | null;
  port: number | null;
  socket: string;
  dir: string;
  release: string | null;
  restarts: number;
  startedAt: string | null;
  rssBytes: number | null;
  lastExit: LastExit | null;
  /** Present with ?usage=1. */
  usage?: UsageRow | null;
}

/** What an agent's main process uses in addition to memory. */
export interface UsageRow {
  /** Share of one processor since the last request. */
  cpuPercent: number;
  cpuSeconds: number;
  threads: number;
  files: number | null;
}

/** GET agents, with ?fleet=NAME for one fleet, ?slots=RANGES, ?usage=1. */
export interface AgentsDocument {
  agents: AgentRow[];
}

/** A summary of a distribution. */
export interface Quantiles {
  count: number;
  sum: number;
  mean: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** Memory of some agents: RSS as a distribution, PSS as the mean of some of them. */
export interface MemorySummary {
  /** The number of agents that were measured. */
  agents: number;
  rss: Quantiles | null;
  pssMeanBytes: number | null;
}

/** The agents of one release. */
export type CohortMemory = MemorySummary & { release: string };

/** GET memory, with ?top=K and ?pss=all. */
export interface FleetMemory extends MemorySummary {
  fleet: string;
  cohorts: CohortMemory[];
  top: { slot: number; rssBytes: number }[];
}

/** GET samples, with ?since=EPOCH_MS: the fleet's memory over time. */
export interface SamplesDocument {
  passes: {
    /** Milliseconds since the epoch. */
    at: number;
    agents: number;
    rssBytes: number;
    pssBytes: number | null;
    connections: number | null;
  }[];
}

/** POST dashboard: answers with the URL of the page, or null. */
export interface DashboardRequest {
  /** Null turns it off; absent: its present port, or the default one. */
  port?: number | null;
}

export interface DashboardPlace {
  /** Includes the token. */
  url: string | null;
}

/** POST spawn. `spec` is the document as written, not yet checked; absent: the fleet keeps its spec. */
export interface SpawnRequest {
  target?: number;
  spec?: unknown;
  /** The directory that paths in `spec` are relative to; required with `spec`. */
  baseDir?: string;
  force?: boolean;
}

/** The answer to a change, once it is durable. */
export interface Accepted {
  fleet: string;
  target: number;
  /** Notes for the user. */
  notes: string[];
  /** The goal for GET watch, to follow the work. */
  goal: Goal;
}

export interface KillRequest {
  count?: number;
  /** Ranges as in `10-19,25`. */
  slots?: string;
  all?: boolean;
}

export interface RestartRequest {
  slots?: string;
  latest?: boolean;
}

/**
 * What a command waits for. It is a state of the fleet, not a request, so that a new supervisor can be asked for it again.
 * GET watch?goal=<JSON> answers with lines of WatchLine.
 */
export type Goal =
  | { kind: 'ready'; target: number }
  | { kind: 'restarted'; target: number; slots: string; generation: number }
  | { kind: 'gone'; slots: string }
  | { kind: 'rollout'; id: number; wants: 'done' | 'rolled-back' }
  | { kind: 'on-release'; release: string };

export type WatchLine =
  | { kind: 'progress'; done: number; of: number; counts: FleetCounts; rollout?: RolloutDocument }
  | { kind: 'end'; exitCode: number; message: string; error?: ErrorLine; rollout?: RolloutDocument };

/** Why a watch failed, if the cause is a host limit or a hold. */
export interface ErrorLine {
  code: string;
  hint: string;
}

/** A line of `events`. */
export interface FleetEvent {
  seq: number;
  /** ISO 8601. */
  at: string;
  fleet: string | null;
  type: string;
  /** Slots as ranges; null for an event of the fleet or the supervisor. */
  slots: string | null;
  reason: string;
}

/** POST shutdown. */
export interface ShutdownRequest {
  withAgents?: boolean;
}
