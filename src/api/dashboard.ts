/**
 * The messages between the supervisor and its dashboard: one whole update, then changes. The page always has the version
 * of the supervisor that serves it.
 */

import type { Quantiles } from '../fleet/quantiles.ts';
import type { AgentRow } from './agents.ts';
import type { FleetEvent } from './events.ts';
import type { FleetCounts } from './fleets.ts';
import type { LeakStatus } from './leak.ts';
import type { RolloutDocument } from './rollout.ts';
import type { StatusDocument } from './status.ts';

/** The paths of the page's requests, each with the token as a query parameter. */
export const PAGE_API = {
  stream: '/stream',
  agent: '/agent',
  history: '/history',
} as const;

/** The states of a cell: those of `ps`, and `waiting` for a slot that waits for its first start. */
export const CELL_STATES = [
  'waiting',
  'starting',
  'ready',
  'unready',
  'stopping',
  'backoff',
  'failed',
  'completed',
] as const;
export type CellState = (typeof CELL_STATES)[number];

/**
 * A cell: slot, index in CELL_STATES, index in the fleet's `releases` (-1: none), RSS in KiB (-1: unknown), restarts.
 * A slot that is gone has the state -1.
 */
export type Cell = readonly [slot: number, state: number, release: number, rssKib: number, restarts: number];

/** Numbers that change all the time. */
export interface Pulse extends Omit<FleetCounts, 'name' | 'rssBytes' | 'pssBytes'> {
  unready: number;
  /** Slots that wait for their first start. */
  waiting: number;
  round: {
    /** Agents of the open round that are not ready yet. */
    open: number;
    /** The maximum number of agents that are starting. */
    limit: number;
  };
}

/** Values that are read every few seconds. */
export interface Gauges {
  rssBytes: number | null;
  pssBytes: number | null;
  rss: Quantiles | null;
  leak: LeakStatus;
  /** Exits by code, signal or other cause since the supervisor's start, most frequent first. */
  exits: { cause: string; count: number }[];
  /** Starts by their time to ready, in seconds; each bucket excludes those before it, and null means infinity. */
  readySeconds: { atMost: number | null; count: number }[];
}

/** The rollout of a fleet, with its latest verdicts; releases by their labels, if they have some. */
export type RolloutUpdate = Omit<RolloutDocument, 'fleet' | 'failures' | 'options'>;

/** The changes of a fleet; an absent key has not changed. */
export interface FleetUpdate {
  name: string;
  /** Names of the releases that cells refer to; grows only at its end. */
  releases?: string[];
  cells?: Cell[];
  pulse?: Pulse;
  gauges?: Gauges;
  rollout?: RolloutUpdate | null;
}

export type HostUpdate = Pick<StatusDocument, 'supervisor' | 'host' | 'maintenance'>;

/** One message of the stream. */
export interface Update {
  /** The update holds everything, so the page forgets what it knew before. */
  isWhole: boolean;
  fleets: FleetUpdate[];
  /** Fleets that were removed. */
  gone: string[];
  events: FleetEvent[];
  host?: HostUpdate;
}

/** GET agent: all details of a slot, and the last output of its agent. */
export interface AgentDocument {
  /** As `ps` shows it, with the label of its release; null if no agent is wanted or running. */
  agent: AgentRow | null;
  state: CellState;
  /** The reason of its state; null if there is none. */
  why: string | null;
  /** The time until its next start, if that is delayed. */
  dueInMs: number | null;
  /** Output of agents is not trusted and must be shown as text. */
  output: string;
}

/** GET history: the memory of a fleet over time, oldest first, in columns of equal length. */
export interface HistoryDocument {
  /** Seconds since the epoch. */
  at: number[];
  rssBytes: number[];
  pssBytes: (number | null)[];
}
