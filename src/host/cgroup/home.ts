import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { readCgroupMount, readCgroupPath } from '../proc/cgroup.ts';
import { readStat } from '../proc/stat.ts';
import { findFormerTree, findTreeOf, homeOf } from './former.ts';
import { isPopulated } from './path.ts';
import { lockTree } from './tree-lock.ts';
import { ownUnits } from './unit-memory.ts';

/** The leaf of a supervisor without a cgroup of its own; no fleet can have this name. */
const OWN_LEAF = '_supervisor';
/** The leaf of the launcher; no fleet can have this name either. */
export const LAUNCHER_LEAF = '_launcher';
/** The directories of helpers and hooks, with one cgroup each; no fleet can have these names. */
export const ERRAND_DIRECTORIES = { helper: '_helpers', hook: '_hooks' } as const;
/** Whether a directory right below the tree's root is a fleet's. */
export const isFleetDirectory = (name: string): boolean => !name.startsWith('_');
/** Names the cgroup that contains the agents: a path in the v2 hierarchy, as `systemctl show -P ControlGroup` prints it. */
export const HOME_VARIABLE = 'FLEETD_AGENTS_CGROUP';

/** The place of a supervisor and its agents in the v2 hierarchy; absolute paths. */
export interface CgroupHome {
  /** The top of the hierarchy. */
  mount: string;
  /** The agents' tree: `ROOT/FLEET/SLOT`. */
  root: string;
  /** The cgroup that contains the tree. */
  parent: string;
  /** The supervisor's cgroup, in which its children are born. */
  own: string;
  /** The cgroup to which the supervisor returns at its end; null if it never left. */
  origin: string | null;
  /** The units of ours above the tree, which systemd manages. */
  units: string[];
}

/** A home that this process owns until it releases it. */
export interface OwnedHome extends CgroupHome {
  release: () => void;
}

/**
 * Decides the place of the tree. For root it is at the top of the hierarchy, apart from the session or unit that started
 * the supervisor; for another user below its own cgroup, if that was delegated. If a home is named, it is below that,
 * and the supervisor stays in the cgroup that it was started in.
 * @param id distinguishes this supervisor's tree from others on the host
 * @param home the value of FLEETD_AGENTS_CGROUP; null if it is not set
 * @param mount where the hierarchy is mounted
 * @param path this process's cgroup
 */
export function placeTree(
  id: string,
  home: string | null,
  { mount, path, isRoot }: { mount: string; path: string; isRoot: boolean },
): CgroupHome {
  const at = (cgroup: string) => (cgroup === '/' ? mount : `${mount}${cgroup}`);
  const parent = at(home?.replace(/(?<=.)\/+$/, '') ?? (isRoot ? '/' : path));
  const root = `${parent}/fleetd-${id}`;
  return home === null
    ? { mount, root, parent, own: `${root}/${OWN_LEAF}`, origin: at(path), units: [] }
    : { mount, root, parent, own: at(path), origin: null, units: ownUnits(home) };
}

/**
 * Makes the tree, and ensures that this process has a cgroup of its own, so that an interrupted start is found there.
 * @returns null if no v2 tree can be written
 * @throws FleetError CGROUP_UNUSABLE if a home is named but cannot be used, because the promises of its units must not be
 *   broken silently; STATE_LOCKED if another supervisor owns the tree
 */
export function openHome(id: string): OwnedHome | null {
  const home = process.env[HOME_VARIABLE] || null;
  const hierarchy = ownHierarchy();
  if (hierarchy === null) {
    if (home === null) return null;
    throw unusable(home, 'this host has no cgroup v2 hierarchy');
  }
  const place = staying(placeTree(id, home, hierarchy));
  if (home === null) {
    const release = makeRoot(place) ? lockTree(place.root) : null;
    return release && moveInto(place) ? { ...place, release } : null;
  }
  checkNamed(home, hierarchy.path);
  try {
    makeWritable(place);
  } catch (error) {
    throw unusable(home, (error as Error).message);
  }
  return { ...place, release: lockTree(place.root) };
}

/** This process's place in the v2 hierarchy; null if there is none. */
function ownHierarchy(): { mount: string; path: string; isRoot: boolean } | null {
  const mount = readCgroupMount();
  const path = readCgroupPath('self');
  return mount === null || path === null ? null : { mount, path, isRoot: process.getuid!() === 0 };
}

/** The trees in which this process would search for its agents. */
export const trees = {
  /** Whether agents live in the tree of this id. */
  isPopulated(id: string): boolean {
    const hierarchy = ownHierarchy();
    if (hierarchy === null) return false;
    const { root } = placeTree(id, process.env[HOME_VARIABLE] || null, hierarchy);
    const isElsewhere = findFormerTree(basename(root), root, hierarchy.mount, process.getuid!()) !== null;
    return isElsewhere || isPopulated(root);
  },
  /** The id of the tree that contains such processes; null if there is none. */
  idOf(isOurs: (pid: number) => boolean): string | null {
    const hierarchy = ownHierarchy();
    if (hierarchy === null) return null;
    const { parent } = placeTree('', process.env[HOME_VARIABLE] || null, hierarchy);
    return findTreeOf(isOurs, hierarchy.mount, process.getuid!(), parent);
  },
};

/** @returns false if it cannot be made: read-only, or not delegated */
function makeRoot({ root }: CgroupHome): boolean {
  try {
    mkdirSync(root, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

/** The same place, but with the tree in which agents of an earlier supervisor live, if that is another one. */
function staying(place: CgroupHome): CgroupHome {
  const { mount, origin } = place;
  const root = findFormerTree(basename(place.root), place.root, mount, process.getuid!());
  if (root === null) return place;
  const own = origin === null ? place.own : `${root}/${OWN_LEAF}`;
  return { ...place, root, own, parent: dirname(root), units: ownUnits(homeOf(root, mount)) };
}

/**
 * The tree's parents are not made: their owners make them, and a missing one belongs to a unit that does not run. A move
 * needs write access to the target and to the closest ancestor of both cgroups (cgroups(7), delegation).
 */
function makeWritable({ root, own }: CgroupHome): void {
  try {
    mkdirSync(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  accessSync(root, constants.W_OK);
  let ancestor = dirname(root);
  while (!`${own}/`.startsWith(`${ancestor}/`)) ancestor = dirname(ancestor);
  accessSync(`${ancestor}/cgroup.procs`, constants.W_OK);
}

function moveInto({ own }: CgroupHome): boolean {
  try {
    mkdirSync(own, { recursive: true });
    writeFileSync(`${own}/cgroup.procs`, String(process.pid));
    return true;
  } catch {
    // Read-only, not delegated, or refused by a rule of the hierarchy: the reason makes no difference here.
    return false;
  }
}

/**
 * Any other process in the supervisor's own cgroup counts as an interrupted start, and is ended. So that cgroup must be
 * its own: not a session's, and not shared with the process that started it.
 */
function checkNamed(home: string, path: string): void {
  if (!/^\/[^\0]*$/.test(home) || home.split('/').includes('..')) {
    throw unusable(home, 'it is not an absolute path in the hierarchy');
  }
  const parent = readStat(process.pid)?.parent ?? 0;
  const isShared = readCgroupPath(parent) === path;
  if (path.endsWith('.service') && !isShared) return;
  throw unusable(home, `the supervisor runs in ${path}, which is not a service with a cgroup of its own`);
}

function unusable(home: string, why: string): FleetError {
  return new FleetError('CGROUP_UNUSABLE', `${HOME_VARIABLE}=${home} cannot be the agents' home: ${why}`);
}
