import { FleetError } from '../../errors/fleet-error.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

/**
 * Removes a fleet at target 0; its slots' directories stay unless purged. Its paths are free at once, so that other
 * commands need not wait for the deletion.
 * @returns a promise that is kept when everything of it is deleted
 * @throws FleetError BUSY while it has agents
 */
export function removeFleet(
  supervisor: Supervisor,
  runner: FleetRunner,
  withDirectories: boolean,
): Promise<unknown> {
  const { store, paths, journal } = supervisor;
  const { files } = supervisor.host;
  const { fleet, name } = runner;
  if (fleet.slots.size > 0) {
    throw new FleetError(
      'BUSY',
      `fleet ${name} has target ${fleet.target} and ${fleet.running} running agents`,
    );
  }
  const releases = [...fleet.releases.keys()];
  const aside = files.setDirectoriesAside(withDirectories ? [paths.fleetDir(name), paths.logDir(name)] : []);
  try {
    store.remove(name);
  } catch (error) {
    aside.restore();
    throw error;
  }
  supervisor.forget(runner);
  const what = withDirectories ? 'removed, directories purged' : 'removed; the directories stay';
  journal.note('target', name, what);
  const unused = releases.filter((id) => !supervisor.keepsRelease(id)).map((id) => paths.release(id));
  // Not moved before the fleet is removed: after a power cut its agents would be started without their programs.
  const discarding = files.discard(unused).catch((error: Error) => {
    // The fleet is removed in any case, so an error in the answer would be wrong.
    journal.note('limit', name, `its releases could not be deleted: ${error.message}`);
  });
  return Promise.all([aside.purge(), discarding]);
}

/** Completes the deletions that an earlier supervisor left unfinished; restores what was moved but must stay. */
export async function finishRemovals(supervisor: Supervisor): Promise<void> {
  const { paths, fleets } = supervisor;
  const { files } = supervisor.host;
  await Promise.all([
    files.finishPurges(paths.fleets, (name) => fleets.has(name)),
    files.finishPurges(paths.logs, (name) => fleets.has(name)),
    files.finishPurges(paths.releases, (id) => supervisor.keepsRelease(id)),
  ]);
}
