import { FleetError } from '../../errors/fleet-error.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

/**
 * Forgets a fleet at target 0; its slots' directories stay unless purged. Its places are free at once, so that other
 * commands need not wait for the deletion.
 * @returns what is kept when everything of it is deleted
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
  // Not set aside before the fleet is forgotten: after a power cut its agents would be started without their programs.
  const discarding = files.discard(unused).catch((error: Error) => {
    // The fleet is removed all the same: an answer that says otherwise would be wrong.
    journal.note('limit', name, `its releases are kept: ${error.message}`);
  });
  return Promise.all([aside.purge(), discarding]);
}

/** Deletes what an earlier supervisor was to delete, and had not when it ended; puts back what it was not to. */
export async function finishRemovals(supervisor: Supervisor): Promise<void> {
  const { paths, fleets } = supervisor;
  const { files } = supervisor.host;
  await Promise.all([
    files.finishPurges(paths.fleets, (name) => fleets.has(name)),
    files.finishPurges(paths.logs, (name) => fleets.has(name)),
    files.finishPurges(paths.releases, (id) => supervisor.keepsRelease(id)),
  ]);
}
