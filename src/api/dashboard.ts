/**
 * What travels between the supervisor and the page that it serves: one whole update, then what has changed since.
 * The page is of the same version as the supervisor that serves it.
 */

import type { Quantiles } from '../fleet/quantiles.ts';
import type { AgentRow } from './agents.ts';
import type { FleetEvent } from './events.ts';
import type { FleetCounts } from './fleets.ts';
import type { LeakStatus } from './leak.ts';
import type { RolloutDocument } from './rollout.ts';
import type { StatusDocument } from './status.ts';

/** Where the page's own requests go, each with the token as its query. */
export const PAGE_API = {
  stream: '/stream',
  agent: '/agent',
  history: '/history',
} as const;

/** What a cell of the map can be: the states of `ps`, and a slot that waits for its start. */
export const CELL_STATES = [
  'waiting',
  'starting',
  'ready',
  'unready',
  'stopping',
  'backoff',
  'failed',
] as const;
export type CellState = (typeof CELL_STATES)[number];

/**
 * A cell: slot, index in CELL_STATES, index in the fleet's `releases` (-1: none), RSS in KiB (-1: unknown), restarts.
 * A slot that is gone has the state -1.
 */
export type Cell = readonly [slot: number, state: number, release: number, rssKib: number, restarts: number];

/** What moves all the time. */
export interface Pulse extends Omit<FleetCounts, 'name' | 'rssBytes' | 'pssBytes'> {
  unready: number;
  /** Slots that wait for their first start. */
  waiting: number;
  round: {
    /** Agents of the open round that are not ready yet. */
    open: number;
    /** How many agents may be starting at a time. */
    limit: number;
  };
}

/** What is looked at every few seconds. */
export interface Gauges {
  rssBytes: number | null;
  pssBytes: number | null;
  rss: Quantiles | null;
  leak: LeakStatus;
  /** Exits by code, signal or other cause since the supervisor's start, the most frequent first. */
  exits: { cause: string; count: number }[];
  /** How many agents got ready within so many seconds, not counting those of the bucket before; Infinity is null. */
  readySeconds: { atMost: number | null; count: number }[];
}

/** The rollout of a fleet, with its latest verdicts; releases by their labels, where they have some. */
export type RolloutUpdate = Omit<RolloutDocument, 'fleet' | 'failures' | 'options'>;

/** What has changed of a fleet; what is absent has not. */
export interface FleetUpdate {
  name: string;
  /** Names of releases that cells point to; grows at its end only. */
  releases?: string[];
  cells?: Cell[];
  pulse?: Pulse;
  gauges?: Gauges;
  rollout?: RolloutUpdate | null;
}

export type HostUpdate = Pick<StatusDocument, 'supervisor' | 'host' | 'maintenance'>;

/** One message of the stream. */
export interface Update {
  /** All there is: whatever was known before is to be forgotten. */
  isWhole: boolean;
  fleets: FleetUpdate[];
  /** Fleets that were removed. */
  gone: string[];
  events: FleetEvent[];
  host?: HostUpdate;
}

/** GET agent: all about a slot, and the last of what its agent said. */
export interface AgentDocument {
  /** As `ps` shows it, its release by its label; null where nothing runs or is to run. */
  agent: AgentRow | null;
  state: CellState;
  /** Why it is in that state; null where there is nothing to say. */
  why: string | null;
  /** Until its next start, where that is put off. */
  dueInMs: number | null;
  /** What agents write is not trusted: it is to be shown as text. */
  output: string;
}

/** GET history: the memory of a fleet over time, oldest first; columns of the same length. */
export interface HistoryDocument {
  /** Seconds since the epoch. */
  at: number[];
  rssBytes: number[];
  pssBytes: (number | null)[];
}
