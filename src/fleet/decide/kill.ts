import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import type { Fleet } from '../fleet.ts';
import { slotRecord } from '../slot-records.ts';
import { toTarget } from '../target.ts';
import { type Decision, namedSlots } from './decision.ts';

/** The agents to stop: a count from the highest slots down, certain slots (`10-19,25`), or all; and how. */
export interface KillRequest {
  count?: number;
  slots?: string;
  all?: boolean;
  /** Without grace; also those that are stopping already. */
  now?: boolean;
  /** Their directories and logs are deleted. */
  purge?: boolean;
}

/** Lowers the target. @throws FleetError SLOT_UNKNOWN, USAGE if there are fewer agents than the count */
export function decideKill(fleet: Fleet, request: KillRequest): Decision {
  const { now = false, purge = false } = request;
  const chosen = chosenSlots(fleet, request);
  const wanted = fleet.wantedSlots();
  const target = wanted.difference(new Set(chosen)).size;
  const how = `${now ? ', without grace' : ''}${purge ? ', with directories and logs' : ''}`;
  return {
    change: {
      slots: chosen.map((slot) => {
        const prepared = purge ? { prepared: false } : {};
        return slotRecord(fleet, slot, { wanted: false, urgent: now, purge, ...prepared });
      }),
      events: [{ type: 'target', reason: `kill: target ${target}${how}`, slots: chosen }],
    },
    goal: { kind: 'gone', slots: formatSlots(chosen) },
    notes: [],
  };
}

function chosenSlots(
  fleet: Fleet,
  { count = 0, slots, all = false, now = false, purge = false }: KillRequest,
): number[] {
  // How a stop ends can still be changed while it is under way.
  const isMore = now || purge;
  if (all)
    return [...fleet.slots.values()].filter(({ wanted }) => wanted || isMore).map(({ number }) => number);
  if (slots !== undefined) {
    return isMore && parseSlots(slots).every((slot) => fleet.slots.has(slot))
      ? parseSlots(slots)
      : namedSlots(fleet, slots);
  }
  const wanted = fleet.wantedSlots();
  if (count > wanted.size) {
    throw new FleetError('USAGE', `fleet ${fleet.name} has ${wanted.size} agents, fewer than ${count}`, {
      hint: 'Give a smaller COUNT; fleetctl kill --all stops every agent.',
    });
  }
  return toTarget(wanted, wanted.size - count).remove;
}
