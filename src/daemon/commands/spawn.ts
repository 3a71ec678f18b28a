import { resolve } from 'node:path';
import type { Accepted } from '../../api/accepted.ts';
import type { SpawnRequest } from '../../api/commands.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Decision } from '../../fleet/decide/decision.ts';
import {
  decideSpawn,
  noteOlder,
  proposeSpawn,
  type SpawnProposal,
  type WrittenSpec,
} from '../../fleet/decide/spawn.ts';
import { Fleet } from '../../fleet/fleet.ts';
import type { FleetRecord, ReleaseRecord } from '../../fleet/records.ts';
import { parseSpec } from '../../specification/parse.ts';
import { prune } from '../fleet/prune.ts';
import { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { answer } from './answer.ts';
import { checkCapacity } from './capacity.ts';
import type { OtherFleet } from './places.ts';
import { highestOf, preflight } from './preflight.ts';
import { makeRelease } from './release.ts';

/** A fleet that is to be registered or updated. */
export interface SpawnWanted {
  name: string;
  request: SpawnRequest;
  /** The configuration file that it comes from; absent: a command. */
  configured?: FleetRecord['configured'];
}

/** A fleet that is wanted, and what it would become. */
export interface Proposed extends SpawnWanted {
  /** Null if the fleet is not known yet. */
  existing: FleetRunner | null;
  proposal: SpawnProposal;
}

/**
 * Registers or updates fleets and sets their targets: everything is checked first, then committed as one. The fleets are
 * checked as they would be, so that they fit each other.
 * @throws FleetError with the reason of the refusal; then nothing has changed
 */
export async function spawnFleets(
  supervisor: Supervisor,
  wanted: readonly SpawnWanted[],
): Promise<Accepted[]> {
  const isOne = wanted.length === 1;
  const about = <T>(name: string, work: () => T): T => (isOne ? work() : named(name, work));
  refuseDuplicates(wanted);
  const proposed = wanted.map((one) => about(one.name, () => propose(supervisor, one)));
  const others = asProposed(supervisor.fleets, proposed);
  for (const { name, proposal } of proposed) {
    about(name, () => preflight(proposal, supervisor.host, supervisor.paths, supervisor.fleets, others));
  }
  checkTogether(supervisor, proposed);
  const releases = await makeReleases(supervisor, proposed, isOne);
  const decided = proposed.map((one, i) => decide(supervisor, one, releases[i]!));
  FleetRunner.commitAll(decided.map(({ runner, decision }) => [runner, decision.change]));
  for (const [i, { existing }] of proposed.entries()) if (!existing) supervisor.manage(decided[i]!.runner);
  return decided.map(({ runner, decision }, i) => {
    if (releases[i]) prune(runner);
    const unenforced = releases[i] ? supervisor.host.processes.unenforced(runner.name) : null;
    const notes = [...(unenforced === null ? [] : [unenforced]), ...noteOlder(runner.fleet)];
    return answer(runner, { ...decision, notes });
  });
}

/** What a request would make of its fleet. @throws FleetError as proposeSpawn() does, SPEC_INVALID */
export function propose({ fleets }: Supervisor, wanted: SpawnWanted): Proposed {
  const { name, request } = wanted;
  const existing = fleets.get(name) ?? null;
  return {
    ...wanted,
    existing,
    proposal: proposeSpawn(name, existing?.fleet ?? null, writtenSpec(request), request),
  };
}

/** The fleets as they would be. Slots that are still being left own their ports until then. */
export function asProposed(
  fleets: ReadonlyMap<string, FleetRunner>,
  proposed: readonly Proposed[],
): ReadonlyMap<string, OtherFleet> {
  const others = new Map<string, OtherFleet>(fleets);
  for (const { name, existing, proposal } of proposed) {
    const slots = new Set(existing?.fleet.slots.keys()).union(proposal.slots);
    others.set(name, { name, fleet: { spec: proposal.spec, target: proposal.target, slots } });
  }
  return others;
}

/** Checks that the host has room for what is asked for. @throws FleetError LIMIT_REACHED */
export function checkTogether(supervisor: Supervisor, proposed: readonly Proposed[]): void {
  const asked = proposed
    .filter(({ proposal, request }) => proposal.isMore && !request.force)
    .map(({ proposal: { spec, slots } }) => ({ spec, agents: slots.size }));
  const targets = new Map(proposed.map(({ name, proposal }) => [name, proposal.target]));
  checkCapacity(asked, supervisor, targets);
}

/** The release of the spec in a request; null if it has none. @throws FleetError as makeRelease() does */
export async function releaseOf(
  { host, paths }: Supervisor,
  { request, existing, proposal: { spec, baseDir, slots } }: Proposed,
): Promise<ReleaseRecord | null> {
  if (request.spec === undefined) return null;
  const known = existing?.fleet.releases ?? new Map();
  const making = { baseDir, paths, host, highest: highestOf(slots), known, now: host.date() };
  return makeRelease(spec, making);
}

/** Deletes what was stored for releases that no fleet keeps after all. */
export async function discardUnused(
  supervisor: Supervisor,
  releases: readonly (ReleaseRecord | null)[],
): Promise<void> {
  const ids = new Set(releases.flatMap((release) => release?.id ?? []));
  const unused = [...ids]
    .filter((id) => !supervisor.keepsRelease(id))
    .map((id) => supervisor.paths.release(id));
  await supervisor.host.files.discard(unused);
}

/** The spec of a request; null if it has none. @throws FleetError SPEC_INVALID */
export function writtenSpec({ spec, baseDir }: Pick<SpawnRequest, 'spec' | 'baseDir'>): WrittenSpec | null {
  return spec === undefined ? null : { spec: parseSpec(spec), baseDir: resolve('/', baseDir ?? '/') };
}

/** Makes the releases; if one cannot be made, nothing is left of the others. */
async function makeReleases(
  supervisor: Supervisor,
  proposed: readonly Proposed[],
  isOne: boolean,
): Promise<(ReleaseRecord | null)[]> {
  const releases: (ReleaseRecord | null)[] = [];
  try {
    for (const one of proposed) releases.push(await releaseOf(supervisor, one));
    return releases;
  } catch (error) {
    await discardUnused(supervisor, releases);
    if (isOne) throw error;
    return named(proposed[releases.length]!.name, () => {
      throw error;
    });
  }
}

function decide(
  supervisor: Supervisor,
  { existing, proposal, configured }: Proposed,
  newest: ReleaseRecord | null,
): { runner: FleetRunner; decision: Decision } {
  const decision = decideSpawn(existing?.fleet ?? null, proposal, newest, configured);
  const fresh = () =>
    new Fleet({ fleet: decision.change.record!, slots: [], releases: [] }, supervisor.host.now());
  return { runner: existing ?? supervisor.runnerOf(fresh()), decision };
}

function refuseDuplicates(wanted: readonly SpawnWanted[]): void {
  const seen = new Set<string>();
  for (const { name } of wanted) {
    if (seen.has(name))
      throw new FleetError('USAGE', `there are several specs of fleet ${name}`, { hint: '' });
    seen.add(name);
  }
}

/** Names the fleet that a refusal is about, where several are asked for. */
function named<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    const { code, message, hint } = error;
    throw new FleetError(code, `${name}: ${message}`, { hint, cause: error });
  }
}
