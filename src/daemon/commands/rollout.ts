import type { Accepted } from '../../api/accepted.ts';
import type { RollingUpdateRequest } from '../../api/rollout.ts';
import { checkUpdate, decideUpdate } from '../../fleet/decide/rollout.ts';
import { specFor } from '../../fleet/decide/spawn.ts';
import { prune } from '../fleet/prune.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { commitAndAnswer } from './answer.ts';
import { highestOf, preflight } from './preflight.ts';
import { makeRelease, withBinary } from './release.ts';
import { writtenSpec } from './spawn.ts';

/**
 * Moves a fleet to a new release, batch by batch. Everything is checked first; then the rollout is written, and the
 * planner starts its first batch.
 * @throws FleetError with the reason of the refusal; then nothing has changed
 */
export async function rollingUpdate(
  supervisor: Supervisor,
  runner: FleetRunner,
  request: RollingUpdateRequest,
): Promise<Accepted> {
  const { host, paths, fleets } = supervisor;
  const { fleet, name } = runner;
  const { spec: written, baseDir } = specFor(name, fleet, writtenSpec(request));
  const spec = request.binary === undefined ? written : withBinary(written, baseDir, request.binary);
  checkUpdate(fleet, spec);
  const slots = fleet.wantedSlots();
  preflight({ spec, baseDir, slots }, host, paths, fleets);
  const making = { baseDir, paths, known: fleet.releases, label: request.label, now: host.date() };
  const release = await makeRelease(spec, { ...making, host, highest: highestOf(slots) });
  const decision = decideUpdate(fleet, { spec, baseDir, release, options: request.options }, host.date());
  const accepted = commitAndAnswer(runner, decision);
  if (decision.change.release) prune(runner);
  return accepted;
}
