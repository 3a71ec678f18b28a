import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isPopulated } from './cgroup.ts';
import { isGone } from './proc/read.ts';

/**
 * Finds the tree that agents of an earlier supervisor still live in, where that is not the one that we would make: the
 * home changes when a plain supervisor becomes a unit, or the other way round, and its agents run on meanwhile. Whoever
 * looked into the new home alone would start all of them a second time.
 * @param name of the tree's directory
 * @param root the tree that we would make
 * @returns the root of that tree; null where no agents live elsewhere
 */
export function findFormerTree(name: string, root: string, mount: string, uid: number): string | null {
  const manager = uid === 0 ? mount : `${mount}/user.slice/user-${uid}.slice/user@${uid}.service`;
  const units = directoriesIn(`${manager}/fleetd.slice`).map((unit) => `${manager}/fleetd.slice/${unit}`);
  const places = [...(uid === 0 ? [mount] : []), ...units].map((parent) => `${parent}/${name}`);
  return places.find((place) => place !== root && isPopulated(place)) ?? null;
}

/** The cgroup that a tree stands in, as a path in the hierarchy. @param root the tree's directory */
export function homeOf(root: string, mount: string): string {
  return dirname(root).slice(mount.length);
}

function directoriesIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
