import type { Change } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import type { SlotRecord } from '../records.ts';
import { wantedRecord } from '../slot-records.ts';

/** Makes the slots wanted into which strays are adopted; slots that are already wanted stay unchanged. */
export function decideAdoption(fleet: Fleet, slots: readonly number[]): Change & { slots: SlotRecord[] } {
  const added = slots
    .filter((slot) => fleet.slots.get(slot)?.wanted !== true)
    .map((slot) => wantedRecord(fleet, slot, fleet.release));
  const reason = `strays --adopt: target ${fleet.target + added.length}`;
  return { slots: added, events: [{ type: 'target', reason, slots }] };
}

/** Takes back slots whose strays could not be adopted. @param added the slots that the adoption made wanted */
export function decideNotAdopted(added: readonly SlotRecord[], slots: readonly number[]): Change {
  const given = added.filter(({ slot }) => slots.includes(slot));
  return { slots: given.map((slot) => ({ ...slot, wanted: false })) };
}
