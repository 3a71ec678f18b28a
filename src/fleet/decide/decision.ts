import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Change } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import type { Goal } from '../goal.ts';

/** What a command comes to: a change to commit, what to wait for, and what the user should know. */
export interface Decision {
  change: Change;
  goal: Goal;
  notes: string[];
}

/** The slots that a command names. @throws FleetError SLOT_UNKNOWN where one of them is not wanted */
export function namedSlots(fleet: Fleet, text: string): number[] {
  const slots = parseSlots(text);
  const unknown = slots.filter((slot) => fleet.slots.get(slot)?.wanted !== true);
  if (unknown.length === 0) return slots;
  throw new FleetError('SLOT_UNKNOWN', `fleet ${fleet.name} wants no agent in slots ${formatSlots(unknown)}`);
}
