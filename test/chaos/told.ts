import type { FleetEvent } from '../../src/api/events.ts';
import { parseSlots } from '../../src/specification/slots.ts';

/** Whether events of one of these types name every one of the slots. */
export function tellOfSlots(
  events: readonly FleetEvent[],
  types: readonly string[],
  slots: readonly number[],
): boolean {
  const told = new Set(
    events
      .filter((event) => types.includes(event.type) && event.slots !== null)
      .flatMap((event) => parseSlots(event.slots!)),
  );
  return slots.every((slot) => told.has(slot));
}

/** Whether an event of this type says something that matches. */
export function tellOf(events: readonly FleetEvent[], type: string, words: RegExp): boolean {
  return events.some((event) => event.type === type && words.test(event.reason));
}
