import { dirname } from 'node:path';
import { childrenOf, isPopulated, membersOf } from './path.ts';

const TREE = /^fleetd-([0-9a-f]{12})$/;
/** The maximum number of agents of a tree that are inspected to find its owner: one recognised agent is enough. */
const INSPECTED_MAX = 64;

/**
 * Finds the tree in which agents of an earlier supervisor still live, if it is not the one that we would make. The home
 * changes when a plain supervisor becomes a unit, or the reverse, while its agents continue; a search of the new home
 * alone would start all of them a second time.
 * @param name of the tree's directory
 * @param root the tree that we would make
 * @returns the root of that tree; null if no agents live elsewhere
 */
export function findFormerTree(name: string, root: string, mount: string, uid: number): string | null {
  const places = parentsOfTrees(mount, uid).map((parent) => `${parent}/${name}`);
  return places.find((place) => place !== root && isPopulated(place)) ?? null;
}

/**
 * Finds the tree of the agents in a state directory without a known id: one of an older fleetd, or one whose identity
 * file was lost.
 * @param isOurs whether a process writes to a log, or has its directory, in that state directory
 * @returns its id; null if there is none
 */
export function findTreeOf(
  isOurs: (pid: number) => boolean,
  mount: string,
  uid: number,
  parent: string,
): string | null {
  for (const place of new Set([...parentsOfTrees(mount, uid), parent])) {
    for (const name of childrenOf(place)) {
      const id = TREE.exec(name)?.[1];
      if (id !== undefined && agentsIn(`${place}/${name}`).some(isOurs)) return id;
    }
  }
  return null;
}

function agentsIn(tree: string): number[] {
  const leaves = childrenOf(tree).flatMap((fleet) =>
    childrenOf(`${tree}/${fleet}`).map((slot) => `${tree}/${fleet}/${slot}`),
  );
  const pids: number[] = [];
  for (const leaf of leaves) {
    if (pids.length >= INSPECTED_MAX) break;
    pids.push(...membersOf(leaf));
  }
  return pids;
}

/** The cgroups that may contain trees of this user's supervisors: the top for root, and units of ours. */
function parentsOfTrees(mount: string, uid: number): string[] {
  const manager = uid === 0 ? mount : `${mount}/user.slice/user-${uid}.slice/user@${uid}.service`;
  const units = childrenOf(`${manager}/fleetd.slice`).map((unit) => `${manager}/fleetd.slice/${unit}`);
  return [...(uid === 0 ? [mount] : []), ...units];
}

/** The cgroup that contains a tree, as a path in the hierarchy. @param root the tree's directory */
export function homeOf(root: string, mount: string): string {
  return dirname(root).slice(mount.length);
}
