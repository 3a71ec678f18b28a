import { FleetError } from '../../errors/fleet-error.ts';
import { FLEET } from '../../specification/fields.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

const NAME = FLEET.fields.name!.type;

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

/**
 * Deletes the directories that a fleet left behind when it was removed without them.
 * @param name as the user gave it
 * @returns a promise that is kept when they are deleted
 * @throws FleetError UNKNOWN if there are none
 */
export function purgeLeftovers({ host, paths, journal }: Supervisor, name: string): Promise<void> {
  // Any text may be asked for, but only a fleet's name is a path of ours.
  const places = isFleetName(name) ? [paths.fleetDir(name), paths.logDir(name)] : [];
  const aside = host.files.setDirectoriesAside(places);
  if (aside.isEmpty)
    throw new FleetError(
      'UNKNOWN',
      `there is no fleet "${name}", and none of this name has left directories`,
    );
  journal.note('target', name, 'removed before; its directories are purged');
  return aside.purge();
}

function isFleetName(name: string): boolean {
  return NAME.read(name, 'name', []) !== undefined;
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
