import type { Logger } from 'pino';
import type { AgentExit } from '../../fleet/exit.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Goal } from '../../fleet/goal.ts';
import type { Host } from '../../host/host.ts';
import type { Paths } from '../../specification/paths.ts';
import type { RunStore } from '../../store/runs.ts';
import type { ReadingStore } from '../../store/samples.ts';
import type { WantedStore } from '../../store/wanted.ts';
import type { Checks } from './checks.ts';
import type { Journal } from './journal.ts';

/** Counts what happens. */
export interface Observer {
  event(fleet: string, type: string): void;
  exited(fleet: string, exit: AgentExit): void;
  ready(fleet: string, afterMs: number): void;
  /** An attempt to send a notice of `alerts` has ended, or the notice was given up. */
  alerted(fleet: string, result: 'sent' | 'failed' | 'given up'): void;
  /** It was found what has become of an agent that was to be reloaded. */
  reloaded(fleet: string, result: 'reloaded' | 'skipped' | 'failed'): void;
  /** Processes got a signal of a command. */
  signalled(fleet: string, signal: string, count: number): void;
  /** An attempt to send telemetry has ended. */
  exported(signal: string, isSent: boolean): void;
}

/** Follows commands with what they set in motion. */
export interface Tracing {
  /** A command was accepted and is durable. */
  accepted(fleet: Fleet, goal: Goal): void;
  /** An agent is about to be started. @returns its trace context (`traceparent`); null if no command wants it */
  starting(fleet: Fleet, slot: number): string | null;
  /** Something has happened to a slot. @param type the type of its event */
  happened(fleet: string, type: string, slot: number, reason: string): void;
}

/** Something that has turns of the loop. */
export interface HasTurn {
  /** One turn: does what is due now. */
  turn(): void;
}

/** What all fleets of a supervisor share. */
export interface Services {
  readonly host: Host;
  readonly paths: Paths;
  readonly store: WantedStore;
  readonly runs: RunStore;
  readonly readings: ReadingStore;
  readonly journal: Journal;
  readonly log: Logger;
  readonly checks: Checks;
  observer: Observer;
  /** Null unless telemetry is sent. */
  tracing: Tracing | null;
  /** Whether alarms are silenced. */
  readonly isSilenced: boolean;
  /** Wakes something, because it has changed: it has a turn soon. */
  wake(turning: HasTurn): void;
  /** Whether any fleet keeps a release of this id. */
  keepsRelease(id: string): boolean;
}
