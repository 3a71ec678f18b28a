import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots } from '../../specification/slots.ts';
import type { Fleet } from '../fleet.ts';
import { isOver } from '../rollout/rolling.ts';
import { slotRecord } from '../slot-records.ts';
import { type Decision, namedSlots } from './decision.ts';

/** The slots to restart (absent: all), and whether on the newest release. */
export interface RestartRequest {
  slots?: string;
  latest?: boolean;
}

/**
 * Requests restarts of slots, on their own release or on the newest.
 * @throws FleetError HELD, BUSY, SLOT_UNKNOWN
 */
export function decideRestart(fleet: Fleet, { slots, latest = false }: RestartRequest): Decision {
  const { name, hold, rolling, target } = fleet;
  if (hold) throw FleetError.of('HELD.held', { fleet: name, reason: hold.reason });
  const { record } = rolling;
  if (latest && record && !isOver(record)) {
    throw new FleetError('BUSY', `a rollout of fleet ${name} to release ${record.to} is under way`, {
      hint: 'fleetctl rollout status shows it; fleetctl rollout abort rolls back.',
    });
  }
  const chosen = slots === undefined ? [...fleet.wantedSlots()] : namedSlots(fleet, slots);
  const generation = fleet.generation + 1;
  const wish = latest ? { generation, release: fleet.release } : { generation };
  const reason = latest ? `restart on release ${fleet.release}` : 'restart';
  return {
    change: {
      slots: chosen.map((slot) => slotRecord(fleet, slot, wish)),
      renewed: chosen,
      events: [{ type: 'target', reason, slots: chosen }],
    },
    goal: { kind: 'restarted', target, slots: formatSlots(chosen), generation },
    notes: [],
  };
}
