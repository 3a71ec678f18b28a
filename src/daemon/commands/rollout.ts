import type { Accepted } from '../../api/protocol.ts';
import type {
  RollbackRequest,
  RollingUpdateRequest,
  Rollout,
  RolloutOptions,
  RolloutRequest,
} from '../../api/rollout.ts';
import { FleetError } from '../../errors.ts';
import {
  beginRollout,
  changeOf,
  goBack,
  provenRelease,
  resumeRollout,
  rollBackTo,
  untouched,
} from '../../fleet/rollout/changes.ts';
import { isOver } from '../../fleet/rollout/rollout.ts';
import type { Spec } from '../../specification/spec.ts';
import type { FleetRecord, ReleaseRecord } from '../../store/records.ts';
import { commit } from '../fleet/commit.ts';
import type { Managed } from '../fleet/managed.ts';
import { decideRollout } from '../fleet/rollout.ts';
import type { Supervisor } from '../supervisor.ts';
import { preflight } from './preflight.ts';
import { makeRelease, newestFirst, pruneReleases, withBinary } from './release.ts';
import { mustRecreate, specOf } from './spawn.ts';

/**
 * Brings a fleet to a new release, batch by batch. Everything is checked first; then the rollout is written, and the
 * planner begins its first batch.
 * @throws FleetError that says why it was refused; nothing has changed then
 */
export async function rollingUpdate(
  supervisor: Supervisor,
  managed: Managed,
  request: RollingUpdateRequest,
): Promise<Accepted> {
  const { host, paths, fleets } = supervisor;
  const { name, fleet } = managed;
  checkFree(managed);
  const written = specOf(name, request, managed);
  const { baseDir } = written;
  const spec =
    request.binary === undefined ? written.spec : withBinary(written.spec, baseDir, request.binary);
  mustRecreate(spec, managed, false);
  preflight({ spec, baseDir, slots: fleet.wanted() }, host, paths, fleets);
  const { releases: known } = managed;
  const release = await makeRelease(spec, {
    baseDir,
    paths,
    host,
    known,
    label: request.label,
    now: host.date(),
  });
  const accepted: FleetRecord = { ...managed.record, spec, baseDir, release: release.id };
  const isElsewhere = [...fleet.slots.values()].some((slot) => slot.wanted && slot.release !== release.id);
  const { record } = fleet.rolling;
  if (record && !isOver(record)) {
    if (record.to === release.id && record.state !== 'rolling-back') {
      return answer(managed, record, [`the rollout to release ${release.id} is under way already`]);
    }
    if (record.from === release.id)
      return abort(supervisor, managed, record, 'rolling-update to the release before');
  }
  if (!isElsewhere) return acceptSpecOnly(supervisor, managed, accepted, release);

  const from = provenRelease(fleet, release.id);
  const chosen = { ...optionsOf(spec), ...request.options };
  // What was lost with the wanted state cannot be gone back to.
  const options = { ...chosen, rollback: chosen.rollback && known.has(from) };
  const rollout = beginRollout(fleet, {
    from,
    to: release.id,
    options,
    startedAt: host.date().toISOString(),
  });
  const slots = untouched(fleet).map(({ slot, release: its }) => managed.slotRecord(slot, { release: its }));
  commit(supervisor, managed, { slots, fleet: { ...accepted, hold: null, rollout }, release });
  pruneReleases(supervisor, managed);
  supervisor.journal.note('rollout', name, `rolling update from release ${from} to ${release.id}`);
  return answer(managed, rollout, targetNote(spec, managed));
}

/** Pauses a rollout, lets it go on, or has it go back. */
export function actOnRollout(supervisor: Supervisor, managed: Managed, { action }: RolloutRequest): Accepted {
  const { record } = managed.fleet.rolling;
  if (!record || isOver(record)) {
    throw new FleetError('UNKNOWN', `fleet ${managed.name} has no rollout under way`, {
      hint: 'fleetctl rolling-update begins one, fleetctl rollback goes back to an earlier release.',
    });
  }
  if (action === 'abort') return abort(supervisor, managed, record, 'aborted by fleetctl rollout abort');
  if (record.state === 'rolling-back') {
    throw new FleetError(
      'BUSY',
      `the rollout of fleet ${managed.name} goes back; that cannot be ${action}d`,
      {
        hint: 'fleetctl hold stops everything; fleetctl rolling-update tries the new release again.',
      },
    );
  }
  const change =
    action === 'pause' ? changeOf({ ...record, state: 'paused' }) : resumeRollout(managed.fleet, record);
  decideRollout(supervisor, managed, change, `${action}d by fleetctl rollout ${action}`);
  return answer(managed, change.rollout);
}

/** Brings everything to an earlier release, in rounds and without waits. */
export function rollBack(supervisor: Supervisor, managed: Managed, { to }: RollbackRequest): Accepted {
  const { host } = supervisor;
  const { fleet } = managed;
  checkFree(managed);
  const release = to === undefined ? releaseBefore(managed) : findRelease(managed, to);
  checkPorts(managed, release);
  const { record } = fleet.rolling;
  if (record?.state === 'rolling-back' && record.from === release.id) return answer(managed, record);
  const change = rollBackTo(fleet, release.id, optionsOf(fleet.spec), host.date().toISOString());
  if (change.slots.length === 0 && fleet.release === release.id) {
    return { ...answer(managed, change.rollout), goal: { kind: 'on-release', release: release.id } };
  }
  decideRollout(supervisor, managed, change, change.rollout.reason!);
  return answer(managed, change.rollout);
}

/** @throws FleetError SPEC_FIXED where a release serves ports, of which the fleet has none any more */
function checkPorts({ name, fleet }: Managed, { id, spec }: ReleaseRecord): void {
  if (!spec?.ports || fleet.spec.ports) return;
  throw new FleetError('SPEC_FIXED', `release ${id} serves ports, and fleet ${name} has none now`, {
    hint: 'Give its spec to fleetctl spawn -f FILE --force, which stops everything and starts it anew.',
  });
}

/** What is under way goes back to where it came from. */
function abort(supervisor: Supervisor, managed: Managed, record: Rollout, why: string): Accepted {
  checkFree(managed);
  if (!managed.releases.has(record.from)) {
    throw new FleetError('UNKNOWN', `release ${record.from} of fleet ${managed.name} is not kept any more`, {
      hint: 'fleetctl releases lists those kept; fleetctl rollback --to RELEASE goes to any of them.',
    });
  }
  if (record.state !== 'rolling-back')
    decideRollout(supervisor, managed, goBack(managed.fleet, record, why), why);
  return answer(managed, { ...record, state: 'rolling-back' });
}

/** The release is no other than the one that runs: only the rest of the spec is taken over. */
function acceptSpecOnly(
  supervisor: Supervisor,
  managed: Managed,
  fleet: FleetRecord,
  release: ReleaseRecord,
): Accepted {
  commit(supervisor, managed, { slots: [], fleet, release });
  const { name, target } = managed.fleet;
  const who = target === 0 ? 'new agents get' : 'every agent runs already';
  const notes = [`release ${release.id} is what ${who}; nothing is replaced`];
  return { fleet: name, target, notes, goal: { kind: 'on-release', release: release.id } };
}

/** @throws FleetError where the fleet is held by its user, or everything of it is being stopped */
function checkFree({ name, fleet, record }: Managed): void {
  const { hold, stopAll } = fleet;
  if (hold?.by === 'user' || record.spec === null) {
    throw new FleetError('HELD', `fleet ${name} is held: ${hold?.reason ?? 'its spec was lost'}`);
  }
  if (stopAll) {
    throw new FleetError('BUSY', `fleet ${name} is being stopped as a whole`, {
      hint: 'Try again when fleetctl status shows its agents ready.',
    });
  }
}

function optionsOf({ update }: Spec): RolloutOptions {
  const { batch, waitMs, canary, maxFailed, rollback, healthyDeadlineMs } = update;
  return { batch, waitMs, canary, maxFailed, rollback, healthyDeadlineMs };
}

function answer({ fleet, name }: Managed, rollout: Rollout, notes: string[] = []): Accepted {
  const wants = rollout.state === 'rolling-back' ? 'rolled-back' : 'done';
  return { fleet: name, target: fleet.target, notes, goal: { kind: 'rollout', id: rollout.id, wants } };
}

function targetNote({ target }: Spec, { fleet, name }: Managed): string[] {
  if (target === null || target === fleet.target) return [];
  return [
    `the target stays ${fleet.target}, the spec says ${target}: fleetctl spawn ${target} --fleet ${name} sets it`,
  ];
}

/** What the last update came from; without one, the newest release that is older than the one that new agents get. */
function releaseBefore({ releases, record, name }: Managed): ReleaseRecord {
  const { rollout } = record;
  const updated = rollout?.state === 'done' && rollout.to === record.release && releases.get(rollout.from);
  if (updated) return updated;
  const sorted = [...releases.values()].toSorted(newestFirst);
  const before = sorted[sorted.findIndex(({ id }) => id === record.release) + 1];
  if (before) return before;
  throw new FleetError('UNKNOWN', `fleet ${name} keeps no release from before ${record.release}`, {
    hint: 'fleetctl releases lists those kept; fleetctl rollback --to RELEASE goes to any of them.',
  });
}

/** The one release of this label, or whose id begins so. */
function findRelease({ releases, name }: Managed, named: string): ReleaseRecord {
  const found = [...releases.values()].filter(({ id, label }) => label === named || id.startsWith(named));
  const [only] = found;
  if (only && found.length === 1) return only;
  const what = only ? `${found.length} releases` : 'no release';
  throw new FleetError('UNKNOWN', `fleet ${name} keeps ${what} named ${named}`, {
    hint: 'fleetctl releases lists those kept.',
  });
}
