import { resolve } from 'node:path';
import type { Accepted } from '../../api/accepted.ts';
import type { SpawnRequest } from '../../api/commands.ts';
import { decideSpawn, noteOlder, proposeSpawn, type WrittenSpec } from '../../fleet/decide/spawn.ts';
import { Fleet } from '../../fleet/fleet.ts';
import { parseSpec } from '../../specification/parse.ts';
import { prune } from '../fleet/prune.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { answer } from './answer.ts';
import { checkCapacity } from './capacity.ts';
import { highestOf, preflight } from './preflight.ts';
import { makeRelease } from './release.ts';

/**
 * Registers or updates a fleet and sets its target: everything is checked first, then committed as one change.
 * @throws FleetError with the reason of the refusal; then nothing has changed
 */
export async function spawnFleet(
  supervisor: Supervisor,
  name: string,
  request: SpawnRequest,
): Promise<Accepted> {
  const { host, paths, fleets } = supervisor;
  const existing = fleets.get(name) ?? null;
  const proposal = proposeSpawn(name, existing?.fleet ?? null, writtenSpec(request), request);
  const { spec, baseDir, slots } = proposal;
  preflight({ spec, baseDir, slots }, host, paths, fleets);
  if (proposal.isMore && !request.force) checkCapacity(spec, slots.size, supervisor);
  const known = existing?.fleet.releases ?? new Map();
  const making = { baseDir, paths, host, highest: highestOf(slots), known, now: host.date() };
  const newest = request.spec === undefined ? null : await makeRelease(spec, making);
  const decision = decideSpawn(existing?.fleet ?? null, proposal, newest);
  const { change } = decision;
  const runner =
    existing ??
    supervisor.runnerOf(new Fleet({ fleet: change.record!, slots: [], releases: [] }, host.now()));
  runner.commit(change);
  if (!existing) supervisor.manage(runner);
  if (newest) prune(runner);
  const unenforced = request.spec === undefined ? null : host.processes.unenforced(name);
  const notes = [...(unenforced === null ? [] : [unenforced]), ...noteOlder(runner.fleet)];
  return answer(runner, { ...decision, notes });
}

/** The spec of a request; null if it has none. @throws FleetError SPEC_INVALID */
export function writtenSpec({ spec, baseDir }: Pick<SpawnRequest, 'spec' | 'baseDir'>): WrittenSpec | null {
  return spec === undefined ? null : { spec: parseSpec(spec), baseDir: resolve('/', baseDir ?? '/') };
}
