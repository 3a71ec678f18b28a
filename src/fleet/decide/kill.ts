import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots } from '../../specification/slots.ts';
import type { Fleet } from '../fleet.ts';
import { slotRecord } from '../slot-records.ts';
import { toTarget } from '../target.ts';
import { type Decision, namedSlots } from './decision.ts';

/** The agents to stop: a count from the highest slots down, certain slots (`10-19,25`), or all. */
export interface KillRequest {
  count?: number;
  slots?: string;
  all?: boolean;
}

/** Lowers the target. @throws FleetError SLOT_UNKNOWN, USAGE if the count is higher than the target */
export function decideKill(fleet: Fleet, { count = 0, slots, all = false }: KillRequest): Decision {
  const wanted = fleet.wantedSlots();
  if (count > wanted.size) {
    throw new FleetError(
      'USAGE',
      `fleet ${fleet.name} has target ${wanted.size}, so ${count} cannot be stopped`,
      {
        hint: 'fleetctl kill --all stops all of its agents.',
      },
    );
  }
  const left = all ? 0 : wanted.size - count;
  const remove = slots === undefined ? toTarget(wanted, left).remove : namedSlots(fleet, slots);
  const target = wanted.size - new Set(remove).size;
  return {
    change: {
      slots: remove.map((slot) => slotRecord(fleet, slot, { wanted: false })),
      events: [{ type: 'target', reason: `kill: target ${target}`, slots: remove }],
    },
    goal: { kind: 'gone', slots: formatSlots(remove) },
    notes: [],
  };
}
