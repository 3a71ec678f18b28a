import { FleetError } from '../errors/fleet-error.ts';
import type { SlotFiles } from '../host/cgroup/containment.ts';
import { trees } from '../host/cgroup/home.ts';
import { explainFailure } from '../host/facts/explain.ts';
import { isAtHome } from '../host/process/recognise.ts';
import { isThere, newTreeId, placeOf, readIdentity, writeIdentity } from '../host/state/identity.ts';
import type { Paths } from '../specification/paths.ts';
import { decidePossession, type StateIdentity } from '../supervisor/possession.ts';

/** The state directory of this supervisor. */
export interface Possessed {
  /** Names the cgroup tree of its agents. */
  id: string;
  /** Notices for the user. */
  notices: string[];
}

/**
 * Determines the identity of the state directory, and keeps it there. Requires its lock.
 * @throws FleetError STATE_COPIED if it is a copy, and the agents belong to the original
 */
export function possess(paths: Paths, files: SlotFiles): Possessed {
  const here = placeOf(paths.stateDir);
  const { identity: known, notice } = readIdentity(paths.identity);
  const possession = decidePossession(known, here, {
    isOriginalThere: known !== null && isThere(known),
    isTreePopulated: known !== null && trees.isPopulated(known.id),
    foundTree: known === null ? trees.idOf((pid) => isAtHome(pid, files)) : null,
    newId: newTreeId(),
  });
  if ('refusal' in possession) {
    throw new FleetError('STATE_COPIED', possession.refusal, { hint: possession.hint });
  }
  const { identity, event } = possession;
  const problem = isSame(identity, known) ? null : tryToWrite(paths.identity, identity);
  // With the existing id the agents are found in any case, by the next supervisor as well.
  if (problem && identity.id !== known?.id) throw problem;
  const notices = [notice, event, problem?.message ?? null].filter((text) => text !== null);
  return { id: identity.id, notices };
}

function isSame(a: StateIdentity, b: StateIdentity | null): boolean {
  const { id, path, device, inode, bootId } = a;
  return b?.id === id && b.path === path && b.device === device && b.inode === inode && b.bootId === bootId;
}

function tryToWrite(path: string, identity: StateIdentity): Error | null {
  try {
    writeIdentity(path, identity);
    return null;
  } catch (error) {
    return explainFailure(`cannot write ${path}`, error, path);
  }
}
