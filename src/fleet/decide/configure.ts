import type { Fleet } from '../fleet.ts';
import type { Configured } from '../records.ts';

/** The target that a configuration file sets; absent: that of its spec. */
export interface Configuring {
  target?: number;
}

/**
 * Decides whether a fleet takes a configuration file: if it is new, or the file has changed since it was applied last. A
 * target that a command has set stays until the file's own target changes.
 * @param fleet null if it is not known yet
 * @returns null if there is nothing to do
 */
export function decideConfiguring(fleet: Fleet | null, { hash, target }: Configured): Configuring | null {
  const applied = fleet?.record.configured;
  if (!fleet || !applied) return {};
  if (applied.hash === hash) return null;
  return target !== null && applied.target === target ? { target: fleet.target } : {};
}
