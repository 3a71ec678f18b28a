import type { DrySpawnRequest, FleetPreview } from '../../api/apply.ts';
import type { RollingUpdateRequest } from '../../api/rollout.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { type Preview, previewSpawn, previewUpdate } from '../../fleet/decide/preview.ts';
import { checkUpdate, decideUpdate } from '../../fleet/decide/rollout.ts';
import { decideSpawn, specFor } from '../../fleet/decide/spawn.ts';
import type { ReleaseRecord } from '../../fleet/records.ts';
import { formatSlots } from '../../specification/slots.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { highestOf, preflight } from './preflight.ts';
import { makeRelease, withBinary } from './release.ts';
import {
  asProposed,
  checkTogether,
  discardUnused,
  type Proposed,
  propose,
  releaseOf,
  type SpawnWanted,
  writtenSpec,
} from './spawn.ts';

type Problem = FleetPreview['problems'][number];

/** What would be refused, step by step: one refusal does not hide the next. */
class Trial {
  readonly problems: Problem[] = [];

  /** Runs a step. @returns null if it was refused */
  async run<T>(step: () => T | Promise<T>): Promise<T | null> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      const { code, message, hint, exitCode } = error.toDocument();
      this.problems.push({ code, message, hint, exitCode });
      return null;
    }
  }
}

/**
 * Shows what a spawn of these fleets would do. It makes their releases, which names them, and deletes them again.
 * @throws FleetError SPEC_INVALID, UNKNOWN or USAGE, if it is not even clear what is asked for
 */
export async function drySpawn(
  supervisor: Supervisor,
  { fleets, force = false }: DrySpawnRequest,
): Promise<FleetPreview[]> {
  const wanted = fleets.map((one) => wantedBy(one, force));
  const trials = await Promise.all(wanted.map((one) => tryProposing(supervisor, one)));
  const all = trials.map(({ proposed }) => proposed);
  const others = asProposed(supervisor.fleets, all);
  const { host, paths } = supervisor;
  for (const { proposed, trial } of trials)
    await trial.run(() => preflight(proposed.proposal, host, paths, supervisor.fleets, others));
  await trials[0]?.trial.run(() => checkTogether(supervisor, all));
  const releases: (ReleaseRecord | null)[] = [];
  for (const { proposed, trial } of trials) {
    releases.push(await trial.run(() => releaseOf(supervisor, proposed)));
  }
  await discardUnused(supervisor, releases);
  return trials.map(({ proposed, trial }, i) => previewOf(proposed, releases[i]!, trial));
}

function wantedBy({ fleet, ...request }: DrySpawnRequest['fleets'][number], force: boolean): SpawnWanted {
  const name = fleet ?? writtenSpec(request)?.spec.name;
  if (name !== undefined) return { name, request: { ...request, force } };
  throw new FleetError('USAGE', 'each fleet needs a name or a spec', { hint: '' });
}

/** Proposes a spawn. One that needs --force is a problem, and goes on as with it. */
async function tryProposing(
  supervisor: Supervisor,
  wanted: SpawnWanted,
): Promise<{ proposed: Proposed; trial: Trial }> {
  const trial = new Trial();
  const proposed = await trial.run(() => propose(supervisor, wanted));
  const forced = { ...wanted, request: { ...wanted.request, force: true } };
  return { proposed: proposed ?? propose(supervisor, forced), trial };
}

/** Shows what a rolling update would do. @throws FleetError as drySpawn() does */
export async function dryUpdate(
  supervisor: Supervisor,
  { fleet, name }: FleetRunner,
  request: RollingUpdateRequest,
): Promise<FleetPreview> {
  const { host, paths, fleets } = supervisor;
  const { spec: written, baseDir } = specFor(name, fleet, writtenSpec(request));
  const spec = request.binary === undefined ? written : withBinary(written, baseDir, request.binary);
  const trial = new Trial();
  await trial.run(() => checkUpdate(fleet, spec));
  await trial.run(() => preflight({ spec, baseDir, slots: fleet.wantedSlots() }, host, paths, fleets));
  const making = { baseDir, paths, known: fleet.releases, label: request.label, now: host.date(), host };
  const highest = highestOf(fleet.wantedSlots());
  const release = await trial.run(() => makeRelease(spec, { ...making, highest }));
  await discardUnused(supervisor, [release]);
  const isAllowed = trial.problems.length === 0 && release !== null;
  const decision = isAllowed
    ? await trial.run(() =>
        decideUpdate(fleet, { spec, baseDir, release, options: request.options }, host.date()),
      )
    : null;
  return documentOf(previewUpdate(fleet, spec, release), trial, decision?.notes ?? []);
}

function previewOf({ existing, proposal, request }: Proposed, release: ReleaseRecord | null, trial: Trial) {
  const fleet = existing?.fleet ?? null;
  const preview = previewSpawn(fleet, proposal, release);
  const isKnown = release !== null || (request.spec === undefined && fleet !== null);
  const change = isKnown ? decideSpawn(fleet, proposal, release).change : {};
  const notes = [
    ...(proposal.recreate
      ? ['ports, addresses or user change: every agent is stopped before any starts']
      : []),
    ...(fleet?.hold && change.record?.hold === null ? ['the hold of the fleet ends'] : []),
    ...(change.events ?? [])
      .filter(({ type }) => type === 'rollout')
      .map(({ reason }) => `the rollout is ${reason}`),
    ...keptNote(preview),
  ];
  return documentOf(preview, trial, notes);
}

/** A note about agents that a spawn leaves on their release. */
function keptNote({ release, target, stops, replaces }: Preview): string[] {
  const kept = (target.from ?? 0) - stops.length - replaces.length;
  if (release.from === release.to || kept <= 0) return [];
  return [`running agents keep their release; fleetctl rolling-update moves them to ${release.to}`];
}

function documentOf(preview: Preview, { problems }: Trial, notes: string[]): FleetPreview {
  const { starts, stops, replaces, changes, ...rest } = preview;
  return {
    ...rest,
    starts: starts.length,
    stops: stops.length,
    replaces: replaces.length,
    slots: { starts: formatSlots(starts), stops: formatSlots(stops), replaces: formatSlots(replaces) },
    changes: [...changes],
    notes,
    problems,
  };
}
