import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Change } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import type { Goal } from '../goal.ts';

/** The outcome of a command: a change to commit, a goal to wait for, and notes for the user. */
export interface Decision {
  change: Change;
  goal: Goal;
  notes: string[];
}

/** The slots that a command names. @throws FleetError SLOT_UNKNOWN if one of them is not wanted */
export function namedSlots(fleet: Fleet, text: string): number[] {
  const slots = parseSlots(text);
  const unknown = slots.filter((slot) => fleet.slots.get(slot)?.wanted !== true);
  if (unknown.length === 0) return slots;
  throw new FleetError('SLOT_UNKNOWN', `fleet ${fleet.name} has no agents in slots ${formatSlots(unknown)}`);
}
