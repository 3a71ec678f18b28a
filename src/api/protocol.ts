/**
 * What travels over the API socket: HTTP with JSON. The shapes of `status` and `ps` are promised to users
 * (they are what --json prints); the rest is between fleetctl and fleetd of one version.
 */

import type { PaceStatus } from '../fleet/adaptive/adaptive.ts';
import type { LastExit } from '../fleet/agent.ts';
import type { Goal } from '../fleet/goal.ts';
import type { Quantiles } from '../fleet/quantiles.ts';
import type { Spec } from '../specification/spec.ts';
import type { MaintenanceState } from '../supervisor/maintenance.ts';
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
    /** Share of the last 10 s in which some task waited for memory, in percent (PSI some avg10); null without PSI. */
    memoryPressure: number | null;
    /** How many agents this host's limits allow, all fleets together. */
    agentsMax: number | null;
  };
  fleets: FleetStatus[];
  /** Alarms rest; null where they do not. */
  maintenance: MaintenanceState | null;
}

/** A fleet in numbers that change all the time. */
export type FleetCounts = Omit<FleetStatus, 'leak' | 'memory' | 'pace' | 'rollout'>;

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
  /** Null while no rollout was ever asked for. */
  rollout: RolloutStatus | null;
  /** Why nothing starts: memory is short; null where it is not, or the spec has no `pressure`. */
  pressure: { reason: string } | null;
  /** Somebody else's count of the agents; null where the spec has no `verify`. */
  verify: VerifyStatus | null;
  /** How many agents may be starting; null where rounds are of a fixed size. */
  pace: PaceStatus | null;
}

/** GET fleet: what a fleet is to be, its spec null where that was lost. */
export interface FleetDocument {
  spec: Spec | null;
  baseDir: string;
}

/** Whether a fleet's memory leaks, as `leak.growth` and `leak.agentLimit` judge it. */
export interface LeakStatus {
  verdict: 'none' | 'suspect' | 'leak';
  /** Growth of the whole fleet. */
  bytesPerHour: number;
  /** ISO 8601; null where nothing is suspected. */
  since: string | null;
  /** The release that alone leaks; null where it is the fleet, or single agents. */
  cohort: string | null;
  /** Slots whose own growth carries it, and those above the limit. */
  agents: number[];
  /** When the host's memory is used up at this rate, ISO 8601; null where it is not within sight. */
  exhaustsAt: string | null;
  /** All of it in a sentence. */
  words: string;
}

/** What somebody else counts of a fleet's agents. */
export interface VerifyStatus {
  /** Null where it could not be read. */
  counted: number | null;
  running: number;
  degraded: boolean;
  reason: string | null;
}

/** Why no automatic step is taken, since when, and what a failing agent last said. */
export interface Held {
  reason: string;
  since: string;
  sample: string | null;
}

export type AgentState = 'starting' | 'ready' | 'unready' | 'stopping' | 'backoff' | 'failed';

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
  /** Asked for with ?usage=1. */
  usage?: UsageRow | null;
}

/** What an agent's main process uses beside memory. */
export interface UsageRow {
  /** Of one processor, since the last question about it. */
  cpuPercent: number;
  cpuSeconds: number;
  threads: number;
  files: number | null;
}

/** GET agents, with ?fleet=NAME to see one fleet only, ?slots=RANGES, ?usage=1. */
export interface AgentsDocument {
  agents: AgentRow[];
}

/** Memory of some agents: resident bytes as a distribution, proportional bytes as the mean of a sample. */
export interface MemorySummary {
  /** How many agents were sampled. */
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

/** POST dashboard: answers with where the page is now, or null. */
export interface DashboardRequest {
  /** Null turns it off; absent: the port that it has, or the usual one. */
  port?: number | null;
}

export interface DashboardPlace {
  /** With the token. */
  url: string | null;
}

/** POST spawn. `spec` is the document as written (not yet checked); absent: the fleet's own spec stays. */
export interface SpawnRequest {
  target?: number;
  spec?: unknown;
  /** Directory that relative paths of `spec` start from; required with `spec`. */
  baseDir?: string;
  force?: boolean;
}

/** What a command that changes something answers once it is durable. */
export interface Accepted {
  fleet: string;
  target: number;
  /** What the user should know: fields that nothing acts on yet, files that were not read … */
  notes: string[];
  /** What to give GET watch in order to follow the work. */
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

export type WatchLine =
  | { kind: 'progress'; done: number; of: number; counts: FleetCounts; rollout?: RolloutDocument }
  | { kind: 'end'; exitCode: number; message: string; error?: ErrorLine; rollout?: RolloutDocument };

/** Why a watch ended badly, where a host limit or a hold is the cause. */
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
  /** Slots as ranges, or null where it is about the fleet or the supervisor. */
  slots: string | null;
  reason: string;
}

/** POST shutdown. */
export interface ShutdownRequest {
  withAgents?: boolean;
}
