import type { FleetEvent } from '../../api/events.ts';
import type { EventType } from '../../fleet/events.ts';
import { formatSlots } from '../../specification/slots.ts';
import type { EventStore } from '../../store/events.ts';

/**
 * Collects what happens within a turn and writes it as few events: slots with the same event and the same reason share a
 * line, so that a thousand exits are not a thousand lines.
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
  onSlot: (fleet: string, type: EventType, slot: number, reason: string) => void = () => {};

  /** Records an event of a slot. */
  slot(type: EventType, fleet: string, slot: number, reason: string): void {
    this.onSlot(fleet, type, slot, reason);
    const key = `${fleet}\0${type}\0${reason}`;
    const gathered = this.#gathered.get(key);
    if (gathered) gathered.slots.push(slot);
    else this.#gathered.set(key, { fleet, type, reason, at: this.#now().toISOString(), slots: [slot] });
  }

  /** Records an event of a fleet, or of the supervisor (null). */
  note(type: EventType, fleet: string | null, reason: string, slots: readonly number[] = []): void {
    this.gather();
    const formatted = slots.length > 0 ? formatSlots(slots) : null;
    this.#store.add({ at: this.#now().toISOString(), fleet, type, slots: formatted, reason });
  }

  /** The latest `limit` events after `seq`, oldest first, up to now; of one fleet or of all (null). */
  read(fleet: string | null, after: number, limit: number): FleetEvent[] {
    this.gather();
    return this.#store.read(fleet, after, limit);
  }

  /** Turns what was collected into events. */
  gather(): void {
    for (const { slots, ...event } of this.#gathered.values()) {
      this.#store.add({ ...event, slots: formatSlots(slots) });
    }
    this.#gathered.clear();
  }
}
