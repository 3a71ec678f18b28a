import type { FleetEvent } from '../api/events.ts';
import { formatSlots } from '../specification/slots.ts';
import type { EventStore } from '../store/events.ts';

/** What kinds of events there are, and what each says. */
export const EVENT_TYPES = {
  supervisor: 'the supervisor started, stopped, or found something about its own state',
  target: 'a command was accepted that changes what is wanted',
  start: 'agents were started',
  prepare: 'the prepare command of slots was run',
  ready: 'agents got ready',
  exit: 'agents ended',
  'start-failed': 'agents could not be started',
  unhealthy: 'a health check failed for the first time in a row',
  healthy: 'a health check passed again',
  stop: 'agents were sent their stop signal',
  kill: 'agents were still there after their grace and got SIGKILL',
  adopt: 'agents were found again after the supervisor was away, or strays were taken in',
  remnant: 'processes that belong to no agent any more were ended',
  hold: 'the fleet is held',
  resume: 'the fleet goes on',
  leak: 'memory grows, or does so no longer',
  rollout: 'a rolling update began, took a decision, or ended',
  verify: 'somebody else counts far fewer agents than run, or as many again',
  maintenance: 'alarms rest, or are on again',
  pace: 'how many agents may be starting has changed much (rounds.adaptive)',
  pressure: 'memory became short, or is available again',
  limit: 'a limit of the host is in the way',
} as const;

export type EventType = keyof typeof EVENT_TYPES;

/**
 * Gathers what happens within a turn and writes it as few events: the slots that the same thing happened to for the
 * same reason are one line, so that a thousand exits are not a thousand lines.
 */
export class Journal {
  readonly #store: EventStore;
  readonly #now: () => Date;
  readonly #gathered = new Map<
    string,
    { fleet: string; type: EventType; reason: string; at: string; slots: number[] }
  >();

  constructor(store: EventStore, now: () => Date) {
    this.#store = store;
    this.#now = now;
  }

  /** Called with everything that happens to a slot. */
  onSlot: (fleet: string, type: EventType) => void = () => {};

  /** Something happened to a slot. */
  slot(type: EventType, fleet: string, slot: number, reason: string): void {
    this.onSlot(fleet, type);
    const key = `${fleet}\0${type}\0${reason}`;
    const gathered = this.#gathered.get(key);
    if (gathered) gathered.slots.push(slot);
    else this.#gathered.set(key, { fleet, type, reason, at: this.#now().toISOString(), slots: [slot] });
  }

  /** Something happened to a fleet, or to the supervisor (null). */
  note(type: EventType, fleet: string | null, reason: string, slots: readonly number[] = []): void {
    this.gather();
    const formatted = slots.length > 0 ? formatSlots(slots) : null;
    this.#store.add({ at: this.#now().toISOString(), fleet, type, slots: formatted, reason });
  }

  /** The latest `limit` events after `seq`, oldest first, with all that happened up to now; of one fleet or of all (null). */
  read(fleet: string | null, after: number, limit: number): FleetEvent[] {
    this.gather();
    return this.#store.read(fleet, after, limit);
  }

  /** Turns what was gathered into events. */
  gather(): void {
    for (const { slots, ...event } of this.#gathered.values()) {
      this.#store.add({ ...event, slots: formatSlots(slots) });
    }
    this.#gathered.clear();
  }
}
