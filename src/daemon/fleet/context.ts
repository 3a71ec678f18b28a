import type { Change } from '../../fleet/change.ts';
import type { AgentExit } from '../../fleet/exit.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { SlotPaths } from '../../host/host.ts';
import type { Urgency } from '../../store/runs.ts';
import type { Services } from '../shared/services.ts';

/** The fleet as its executors and watches know it; its runner is the one implementation. */
export interface FleetContext {
  readonly name: string;
  readonly fleet: Fleet;
  readonly services: Services;
  /** Aborts when the fleet is removed, or the supervisor ends. */
  readonly signal: AbortSignal;
  /** The key of a slot on the host. */
  key(slot: number): string;
  slotPaths(slot: number): SlotPaths;
  /** Something has changed: the fleet has a turn soon. */
  wake(): void;
  /** Records what is in a slot now, for the next supervisor. */
  noteRun(slot: number, urgency?: Urgency): void;
  /** Writes a change, applies it and reports it. @throws FleetError if it cannot be written; then nothing has changed */
  commit(change: Change): void;
  /** Agents have been started, or were found starting. */
  agentsStarted(): void;
  /** Reports the end of a slot's agent, which the fleet knows already. */
  reportExit(slot: number, exit: AgentExit): void;
  /** The fleet's watch of this kind. */
  watch<T extends FleetWatch>(kind: WatchKind<T>): T;
}

/**
 * Something that a runner looks after besides its loop. Every method is optional; a watch is one class, and one line in
 * watches/all.ts.
 */
export interface FleetWatch {
  /** Supervision of the fleet starts; agents of it may already run. */
  start?(): void;
  /** A spec was accepted. */
  respec?(): void;
  /** Before each turn: what was seen since may affect the plan. @param now milliseconds since boot */
  beforeTurn?(now: number): void;
  /** A change was committed. */
  committed?(): void;
  /** Agents have been started. */
  agentsStarted?(): void;
  /** The agent of a slot has ended, or its program could not be executed. */
  exited?(slot: number): void;
  /** A process of an agent sent something to its notify socket (sd_notify(3)). */
  notified?(slot: number, text: string, pid: number): void;
  /** The fleet is removed, or the supervisor ends: then agents continue, and what holds them stays. */
  stop?(why: 'removed' | 'shutdown'): void;
}

/** A class of watches. */
export type WatchKind<T extends FleetWatch = FleetWatch> = new (context: FleetContext) => T;
