import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Fleet } from '../fleet.ts';

/** The slots that a signal is for, ascending: the named ones, or all, those that are being stopped included. */
export function slotsToSignal(fleet: Fleet, slots: string | undefined): number[] {
  if (slots === undefined) return [...fleet.slots.keys()].sort((a, b) => a - b);
  const named = parseSlots(slots);
  const unknown = named.filter((slot) => !fleet.slots.has(slot));
  if (unknown.length === 0) return named;
  throw new FleetError('SLOT_UNKNOWN', `fleet ${fleet.name} has no slots ${formatSlots(unknown)}`);
}
