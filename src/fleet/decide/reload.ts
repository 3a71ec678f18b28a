import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots } from '../../specification/slots.ts';
import type { BootMs } from '../agent.ts';
import type { Change } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import { withOutput } from '../quoted.ts';
import { describeReload, isUnderWay, type ReloadRecord } from '../reload/record.ts';
import { reloadOf } from '../reload/reloading.ts';
import { isOver } from '../rollout/rolling.ts';
import { type Decision, namedSlots } from './decision.ts';

/** The slots to reload; absent: all. */
export interface ReloadRequest {
  slots?: string;
}

/**
 * Begins to reload agents as the specs of their releases say. A held fleet may be reloaded, since nothing is started.
 * @throws FleetError USAGE without `reload` in the spec, BUSY, SLOT_UNKNOWN
 */
export function decideReload(fleet: Fleet, { slots }: ReloadRequest, now: BootMs): Decision {
  checkFree(fleet);
  const chosen = slots === undefined ? [...fleet.wantedSlots()] : namedSlots(fleet, slots);
  if (fleet.spec.reload === null && chosen.every((slot) => reloadOf(fleet, slot) === null)) {
    throw new FleetError('USAGE', `the spec of fleet ${fleet.name} has no reload`, {
      hint: 'Add it, such as reload: { signal: SIGHUP }, and run fleetctl spawn -f FILE; fleetctl restart starts the agents anew instead.',
    });
  }
  const reload: ReloadRecord = {
    id: (fleet.record.reload?.id ?? 0) + 1,
    state: 'running',
    at: now,
    heldSince: fleet.record.hold?.since ?? null,
    slots: formatSlots(chosen),
    reloaded: '',
    skipped: '',
    failed: [],
    reason: null,
    sample: null,
  };
  return {
    change: {
      record: { ...fleet.record, reload },
      events: [{ type: 'reload', reason: `${chosen.length} agents are to be reloaded`, slots: chosen }],
    },
    goal: { kind: 'reloaded', id: reload.id },
    notes: [],
  };
}

/**
 * Takes the progress of a reload. What was done was done: it counts even if it cannot be written.
 * @param sample the last output of an agent that failed
 */
export function decideReloadProgress(fleet: Fleet, progress: ReloadRecord, sample: string | null): Change {
  const reload = { ...progress, sample };
  const reason = withOutput(`${reload.state}: ${describeReload(reload)}`, sample);
  return {
    record: { ...fleet.record, reload },
    events: isUnderWay(reload) ? [] : [{ type: 'reload', reason }],
    isBestEffort: true,
  };
}

/** @throws FleetError BUSY */
function checkFree({ name, stopAll, rolling, record: { reload } }: Fleet): void {
  if (stopAll) throw FleetError.of('BUSY.stopping', { fleet: name });
  if (rolling.record && !isOver(rolling.record)) {
    throw FleetError.of('BUSY.reloadInRollout', { fleet: name, release: rolling.record.to });
  }
  if (isUnderWay(reload)) {
    throw new FleetError('BUSY', `fleet ${name} is being reloaded: ${describeReload(reload)}`, {
      hint: 'Try again when fleetctl status shows it no more; fleetctl hold ends it after the current batch.',
    });
  }
}
