import { FleetError } from '../../errors/fleet-error.ts';
import type { Change } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import { withOutput } from '../quoted.ts';
import type { FleetRecord } from '../records.ts';

type HoldRecord = NonNullable<FleetRecord['hold']>;

/** Holds a fleet at the request of a user; null if that is so already. */
export function decideHold(fleet: Fleet, date: Date): Change | null {
  if (fleet.hold?.by === 'user') return null;
  return held(fleet, { by: 'user', reason: 'held by fleetctl hold', sample: null }, date);
}

/** Holds a fleet for the storm breaker. @param sample the last output of the agent that failed last */
export function decideStormHold(fleet: Fleet, reason: string, sample: string | null, date: Date): Change {
  return { ...held(fleet, { by: 'storm', reason, sample }, date), isBestEffort: true };
}

/** Ends the hold of the storm breaker. */
export function decideStormOver(fleet: Fleet, reason: string): Change {
  return {
    record: { ...fleet.record, hold: null },
    events: [{ type: 'resume', reason }],
    isBestEffort: fleet.record.hold?.by === 'storm',
  };
}

/**
 * Ends the hold of a fleet; slots in backoff or `failed` are retried at once.
 * @returns null if the fleet is not held
 * @throws FleetError HELD if its spec was lost
 */
export function decideResume(fleet: Fleet): Change | null {
  if (!fleet.hold) return null;
  if (fleet.record.spec === null) {
    throw new FleetError('HELD', `the spec of fleet ${fleet.name} was lost, so nothing can be started`, {
      hint: 'Run fleetctl spawn -f FILE to provide the spec again.',
    });
  }
  return {
    record: { ...fleet.record, hold: null },
    renewed: [...fleet.slots.keys()],
    events: [{ type: 'resume', reason: 'resumed by fleetctl resume' }],
  };
}

/** Ends the stop of everything for changed ports or user; starts may follow. */
export function decideRecreated(fleet: Fleet, reason: string): Change {
  return { record: { ...fleet.record, recreate: false }, events: [{ type: 'resume', reason }] };
}

/** The reason of a hold event: why, and the sample of output that explains it. */
export function describeHold(reason: string, sample: string | null): string {
  return withOutput(reason, sample);
}

function held(fleet: Fleet, hold: Omit<HoldRecord, 'since'>, date: Date): Change {
  return {
    record: { ...fleet.record, hold: { ...hold, since: date.toISOString() } },
    events: [{ type: 'hold', reason: describeHold(hold.reason, hold.sample) }],
  };
}
