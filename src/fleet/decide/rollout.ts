import { FleetError } from '../../errors/fleet-error.ts';
import type { Spec } from '../../specification/spec.ts';
import type { Change, ChangeEvent } from '../change.ts';
import type { Fleet } from '../fleet.ts';
import type { FleetRecord, ReleaseRecord, SlotRecord } from '../records.ts';
import {
  beginRollout,
  changeOf,
  provenRelease,
  type RolloutChange,
  resumeRollout,
  rollBack,
  rollBackTo,
  untouched,
} from '../rollout/changes.ts';
import type { Rollout, RolloutOptions } from '../rollout/record.ts';
import { isOver } from '../rollout/rolling.ts';
import { slotRecord } from '../slot-records.ts';
import type { Decision } from './decision.ts';
import { describeHold } from './hold.ts';
import { findRelease, releaseBefore } from './releases.ts';
import { mustRecreate, type WrittenSpec } from './spawn.ts';

/** A rolling update whose release exists. */
export interface UpdateRequest extends WrittenSpec {
  release: ReleaseRecord;
  /** Differences from the spec's `update`. */
  options?: Partial<Omit<RolloutOptions, 'healthyDeadlineMs'>> | undefined;
}

/** What a user may do with the rollout under way. */
export type RolloutAction = 'pause' | 'resume' | 'abort';

/** Checks a rolling update before its release is made. @throws FleetError HELD, BUSY, SPEC_FIXED */
export function checkUpdate(fleet: Fleet, spec: Spec): void {
  checkFree(fleet);
  mustRecreate(spec, fleet, false);
}

/** Moves a fleet to a release, batch by batch; the planner starts the first batch. */
export function decideUpdate(fleet: Fleet, request: UpdateRequest, date: Date): Decision {
  const { spec, baseDir, release } = request;
  const { rolling, releases, name } = fleet;
  const record: FleetRecord = { ...fleet.record, spec, baseDir, release: release.id };
  const { record: under } = rolling;
  if (under && !isOver(under)) {
    if (under.to === release.id && under.state !== 'rolling-back') {
      return decision({}, under, [`the rollout to release ${release.id} is already under way`]);
    }
    if (under.from === release.id)
      return decideAbort(fleet, under, 'rolling-update to the previous release', date);
  }
  const isElsewhere = [...fleet.slots.values()].some((slot) => slot.wanted && slot.release !== release.id);
  if (!isElsewhere) return acceptSpecOnly(fleet, record, release);

  const from = provenRelease(fleet, release.id);
  const chosen = { ...optionsOf(spec), ...request.options };
  // A release that was lost with the wanted state cannot be rolled back to.
  const options = { ...chosen, rollback: chosen.rollback && releases.has(from) };
  const rollout = beginRollout(fleet, { from, to: release.id, options, startedAt: date.toISOString() });
  const change: Change = {
    record: { ...record, hold: null, rollout },
    respec: true,
    release,
    slots: untouched(fleet).map(({ slot, release: current }) =>
      slotRecord(fleet, slot, { release: current }),
    ),
    events: [{ type: 'rollout', reason: `rolling update from release ${from} to ${release.id}` }],
  };
  return decision(change, rollout, targetNote(spec, fleet.target, name));
}

/** Pauses, resumes or aborts a rollout. @throws FleetError UNKNOWN, BUSY, HELD */
export function decideRolloutAction(fleet: Fleet, action: RolloutAction, date: Date): Decision {
  const { record } = fleet.rolling;
  if (!record || isOver(record)) {
    throw new FleetError('UNKNOWN', `fleet ${fleet.name} has no rollout under way`, {
      hint: 'fleetctl rolling-update starts one; fleetctl rollback returns to an earlier release.',
    });
  }
  if (action === 'abort') return decideAbort(fleet, record, 'aborted by fleetctl rollout abort', date);
  if (record.state === 'rolling-back') {
    throw new FleetError(
      'BUSY',
      `the rollout of fleet ${fleet.name} is rolling back; it cannot be ${action}d`,
      {
        hint: 'fleetctl hold stops everything; fleetctl rolling-update tries the new release again.',
      },
    );
  }
  const change = action === 'pause' ? changeOf({ ...record, state: 'paused' }) : resumeRollout(fleet, record);
  const reason = `${action}d by fleetctl rollout ${action}`;
  return decision(rolloutChange(fleet, change, { reason, sample: null, date }), change.rollout);
}

/** Moves all agents to an earlier release, in rounds and without waits. @throws FleetError */
export function decideRollback(fleet: Fleet, to: string | undefined, date: Date): Decision {
  checkFree(fleet);
  const release = to === undefined ? releaseBefore(fleet) : findRelease(fleet, to);
  checkPorts(fleet, release);
  const { record } = fleet.rolling;
  if (record?.state === 'rolling-back' && record.from === release.id) return decision({}, record);
  const change = rollBackTo(fleet, release.id, optionsOf(fleet.spec), date.toISOString());
  if (change.slots.length === 0 && fleet.release === release.id)
    return { change: {}, goal: { kind: 'on-release', release: release.id }, notes: [] };
  const reason = change.rollout.reason!;
  return decision(rolloutChange(fleet, change, { reason, sample: null, date }), change.rollout);
}

/**
 * A decision about the rollout, by the planner or a user, as one change.
 * @param why its reason, and the last output of the agent that it is about
 */
export function rolloutChange(
  fleet: Fleet,
  { rollout, newest, release, hold, slots }: RolloutChange,
  { reason, sample, date }: { reason: string; sample: string | null; date: Date },
): Change {
  const { record } = fleet;
  const events: ChangeEvent[] = [{ type: 'rollout', reason, slots }];
  if (typeof hold === 'object') events.push({ type: 'hold', reason: describeHold(hold.reason, sample) });
  return {
    record: {
      ...record,
      rollout: sample === null ? rollout : { ...rollout, sample },
      ...(newest !== null && {
        release: newest,
        spec: record.spec && fleet.specOf(newest),
        baseDir: fleet.baseDirOf(newest),
      }),
      ...(hold === 'lift' && { hold: null }),
      ...(typeof hold === 'object' && {
        hold: { by: 'rollout', reason: hold.reason, since: date.toISOString(), sample },
      }),
    },
    respec: newest !== null,
    slots: slots.map((slot) => slotRecord(fleet, slot, moved(fleet, slot, release))),
    renewed: slots,
    events,
  };
}

/** Moves a slot to another release; a failed one also becomes due again, through its generation. */
function moved(fleet: Fleet, slot: number, release: string): Partial<SlotRecord> {
  const { agent, generation } = fleet.slot(slot);
  return agent.state === 'failed' ? { release, generation: generation + 1 } : { release };
}

/** Rolls back the rollout under way to the release that it came from. */
function decideAbort(fleet: Fleet, record: Rollout, reason: string, date: Date): Decision {
  checkFree(fleet);
  if (!fleet.releases.has(record.from)) {
    throw new FleetError('UNKNOWN', `release ${record.from} of fleet ${fleet.name} is no longer kept`, {
      hint: 'fleetctl releases lists the releases that are kept; fleetctl rollback --to RELEASE selects one.',
    });
  }
  const rollout: Rollout = { ...record, state: 'rolling-back' };
  if (record.state === 'rolling-back') return decision({}, rollout);
  const change = rolloutChange(fleet, rollBack(fleet, record, reason), { reason, sample: null, date });
  return decision(change, rollout);
}

/** The release is already in use, so only the rest of the spec is accepted. */
function acceptSpecOnly(fleet: Fleet, record: FleetRecord, release: ReleaseRecord): Decision {
  const who = fleet.target === 0 ? 'new agents get' : 'every agent already runs';
  return {
    change: { record, respec: true, release },
    goal: { kind: 'on-release', release: release.id },
    notes: [`${who} release ${release.id}; nothing is replaced`],
  };
}

/** @throws FleetError if the fleet is held by its user, or is stopping all its agents */
function checkFree({ name, hold, stopAll, record }: Fleet): void {
  if (hold?.by === 'user' || record.spec === null) {
    throw FleetError.of('HELD.held', { fleet: name, reason: hold?.reason ?? 'its spec was lost' });
  }
  if (stopAll) {
    throw FleetError.of('BUSY.stopping', { fleet: name });
  }
}

/** @throws FleetError SPEC_FIXED if a release uses ports, and the fleet no longer has any */
function checkPorts({ name, spec: now }: Fleet, { id, spec }: ReleaseRecord): void {
  if (!spec?.ports || now.ports) return;
  throw new FleetError('SPEC_FIXED', `release ${id} uses ports, but fleet ${name} no longer has any`, {
    hint: 'Pass its spec to fleetctl spawn -f FILE --force, which stops everything and starts it again.',
  });
}

function optionsOf({ update }: Spec): RolloutOptions {
  const { batch, waitMs, canary, maxFailed, rollback, healthyDeadlineMs } = update;
  return { batch, waitMs, canary, maxFailed, rollback, healthyDeadlineMs };
}

function decision(change: Change, rollout: Rollout, notes: string[] = []): Decision {
  const wants = rollout.state === 'rolling-back' ? 'rolled-back' : 'done';
  return { change, notes, goal: { kind: 'rollout', id: rollout.id, wants } };
}

function targetNote({ target: written }: Spec, target: number, name: string): string[] {
  if (written === null || written === target) return [];
  return [
    `the target stays ${target}, although the spec says ${written}; fleetctl spawn ${written} --fleet ${name} sets it`,
  ];
}
