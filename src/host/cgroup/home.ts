import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { readCgroupMount, readCgroupPath } from '../proc/cgroup.ts';
import { readStat } from '../proc/stat.ts';
import { findFormerTree, findTreeOf, homeOf } from './former.ts';
import { isPopulated } from './path.ts';
import { lockTree } from './tree-lock.ts';
import { ownUnits } from './unit-memory.ts';

/** The leaf that the supervisor lives in where it has no cgroup of its own; no fleet can have this name. */
const OWN_LEAF = '_supervisor';
/** Where helpers and hooks live, a cgroup each; no fleet can have these names either. */
export const ERRAND_DIRECTORIES = { helper: '_helpers', hook: '_hooks' } as const;
/** Whether a directory right below the tree's root is a fleet's. */
export const isFleetDirectory = (name: string): boolean => !name.startsWith('_');
/** Names the cgroup below which the agents live: a path in the v2 hierarchy, as `systemctl show -P ControlGroup` prints it. */
export const HOME_VARIABLE = 'FLEETD_AGENTS_CGROUP';

/** Where a supervisor and its agents stand in the v2 hierarchy; absolute paths. */
export interface CgroupHome {
  /** The top of the hierarchy. */
  mount: string;
  /** The agents' tree: `ROOT/FLEET/SLOT`. */
  root: string;
  /** What the tree stands in. */
  parent: string;
  /** The supervisor's cgroup, where whoever it starts is born. */
  own: string;
  /** Where the supervisor goes back to at its end; null where it never left. */
  origin: string | null;
  /** The units of ours above the tree, which systemd looks after. */
  units: string[];
}

/** A home that is this process's own until it gives it back. */
export interface OwnedHome extends CgroupHome {
  release: () => void;
}

/**
 * Decides where the tree stands. As root at the top of the hierarchy, away from the session or unit that the
 * supervisor was started from; as another user below its own cgroup, where that was delegated. Where a home is named,
 * below that, and the supervisor stays in the cgroup that it was started in.
 * @param id what tells this supervisor's tree from others on the host
 * @param home the value of FLEETD_AGENTS_CGROUP; null where it is not set
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
 * Makes the tree, and sees to it that this process has a cgroup of its own, so that a start that is cut off is found
 * there.
 * @returns null where no v2 tree can be written
 * @throws FleetError CGROUP_UNUSABLE where a home is named and cannot be used: what its units promise must not be
 *   broken in silence; STATE_LOCKED where another supervisor owns the tree
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

/** Where this process stands in the v2 hierarchy; null where there is none. */
function ownHierarchy(): { mount: string; path: string; isRoot: boolean } | null {
  const mount = readCgroupMount();
  const path = readCgroupPath('self');
  return mount === null || path === null ? null : { mount, path, isRoot: process.getuid!() === 0 };
}

/** The trees that this process would look for its agents in. */
export const trees = {
  /** Whether agents live in the tree of this id. */
  isPopulated(id: string): boolean {
    const hierarchy = ownHierarchy();
    if (hierarchy === null) return false;
    const { root } = placeTree(id, process.env[HOME_VARIABLE] || null, hierarchy);
    const isElsewhere = findFormerTree(basename(root), root, hierarchy.mount, process.getuid!()) !== null;
    return isElsewhere || isPopulated(root);
  },
  /** The id of the tree that processes of this kind live in; null where there is none. */
  idOf(isOurs: (pid: number) => boolean): string | null {
    const hierarchy = ownHierarchy();
    if (hierarchy === null) return null;
    const { parent } = placeTree('', process.env[HOME_VARIABLE] || null, hierarchy);
    return findTreeOf(isOurs, hierarchy.mount, process.getuid!(), parent);
  },
};

/** @returns false where it cannot be made: read-only, or not delegated */
function makeRoot({ root }: CgroupHome): boolean {
  try {
    mkdirSync(root, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

/** The same place, but with the tree where agents of an earlier supervisor live, if that is another one. */
function staying(place: CgroupHome): CgroupHome {
  const { mount, origin } = place;
  const root = findFormerTree(basename(place.root), place.root, mount, process.getuid!());
  if (root === null) return place;
  const own = origin === null ? place.own : `${root}/${OWN_LEAF}`;
  return { ...place, root, own, parent: dirname(root), units: ownUnits(homeOf(root, mount)) };
}

/**
 * Not the tree's parents: they are made by whoever owns them, and one that is missing belongs to a unit that does not
 * run. A move needs write access to the target and to the closest ancestor of both cgroups (cgroups(7), delegation).
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
    // Read-only, not delegated, or refused by a rule of the hierarchy: the reason makes no difference to us.
    return false;
  }
}

/**
 * Whatever else lives in the supervisor's own cgroup is taken for a start that was cut off, and ended. So it must be
 * a cgroup of its own: not a session's, and not one that it shares with whoever started it.
 */
function checkNamed(home: string, path: string): void {
  if (!/^\/[^\0]*$/.test(home) || home.split('/').includes('..')) {
    throw unusable(home, 'it is no absolute path in the hierarchy');
  }
  const parent = readStat(process.pid)?.parent ?? 0;
  const isShared = readCgroupPath(parent) === path;
  if (path.endsWith('.service') && !isShared) return;
  throw unusable(home, `the supervisor itself, in ${path}, is no service with a cgroup of its own`);
}

function unusable(home: string, why: string): FleetError {
  return new FleetError('CGROUP_UNUSABLE', `${HOME_VARIABLE}=${home} cannot be the agents' home: ${why}`);
}
