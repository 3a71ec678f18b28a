import { FleetError } from '../../errors/fleet-error.ts';
import type { Change } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import type { FleetRecord } from '../records.ts';

type HoldRecord = NonNullable<FleetRecord['hold']>;

/** Holds a fleet because its user says so; null where that is so already. */
export function decideHold(fleet: Fleet, date: Date): Change | null {
  if (fleet.hold?.by === 'user') return null;
  return held(fleet, { by: 'user', reason: 'held by fleetctl hold', sample: null }, date);
}

/** The storm breaker holds a fleet. @param sample the last output of the agent that failed last */
export function decideStormHold(fleet: Fleet, reason: string, sample: string | null, date: Date): Change {
  return { ...held(fleet, { by: 'storm', reason, sample }, date), isBestEffort: true };
}

/** The storm breaker lets a fleet go on. */
export function decideStormOver(fleet: Fleet, reason: string): Change {
  return {
    record: { ...fleet.record, hold: null },
    events: [{ type: 'resume', reason }],
    isBestEffort: fleet.record.hold?.by === 'storm',
  };
}

/**
 * Lets a held fleet go on; slots that have given up or wait try again at once.
 * @returns null where it is not held
 * @throws FleetError HELD where its spec was lost
 */
export function decideResume(fleet: Fleet): Change | null {
  if (!fleet.hold) return null;
  if (fleet.record.spec === null) {
    throw new FleetError('HELD', `the spec of fleet ${fleet.name} was lost, so nothing could be started`, {
      hint: 'fleetctl spawn -f FILE says what is wanted.',
    });
  }
  return {
    record: { ...fleet.record, hold: null },
    renewed: [...fleet.slots.keys()],
    events: [{ type: 'resume', reason: 'resumed by fleetctl resume' }],
  };
}

/** Everything is stopped for changed ports or user: starting may begin. */
export function decideRecreated(fleet: Fleet, reason: string): Change {
  return { record: { ...fleet.record, recreate: false }, events: [{ type: 'resume', reason }] };
}

/** The event of a hold: why, and the sample of output that explains it. */
export function describeHold(reason: string, sample: string | null): string {
  return sample === null ? reason : `${reason}; it said: ${sample}`;
}

function held(fleet: Fleet, hold: Omit<HoldRecord, 'since'>, date: Date): Change {
  return {
    record: { ...fleet.record, hold: { ...hold, since: date.toISOString() } },
    events: [{ type: 'hold', reason: describeHold(hold.reason, hold.sample) }],
  };
}
