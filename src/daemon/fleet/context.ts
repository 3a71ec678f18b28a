import type { Hold } from '../../fleet/hold.ts';
import type { RolloutChange } from '../../fleet/rollout/changes.ts';
import type { Host, SlotPaths } from '../../host/host.ts';
import type { Paths } from '../../specification/paths.ts';
import type { WantedStore } from '../../store/wanted.ts';
import type { Journal } from '../journal.ts';
import type { Logs } from '../watches/logs.ts';
import type { Readiness } from '../watches/readiness.ts';
import type { Managed } from './managed.ts';

/** What the parts of the supervisor share. */
export interface Context {
  readonly host: Host;
  readonly paths: Paths;
  readonly store: WantedStore;
  readonly journal: Journal;
  readonly logs: Logs;
  readonly readiness: Readiness;
  /** Something about a fleet has changed: plan it again, soon. */
  wake(managed: Managed): void;
  /** The places of a slot on the host. */
  places(managed: Managed, slot: number): SlotPaths;
  /** Notes what is in a slot now for the next supervisor. */
  noteRun(managed: Managed, slot: number): void;
  /** Holds a fleet, durably. */
  hold(managed: Managed, hold: Pick<Hold, 'by' | 'reason' | 'sample'>): void;
  /** Carries out a decision about a fleet's rollout, durably, and notes why. */
  decide(managed: Managed, change: RolloutChange, reason: string): void;
  /** Lets a fleet go on, durably. */
  resume(managed: Managed, reason: string): void;
}
