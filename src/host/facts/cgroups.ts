import type { CgroupLimit } from '../../doctor/facts.ts';
import { parseCgroupPath } from '../proc/cgroup.ts';
import type { Root } from './root.ts';

/** The files of each controller with its limit and its use, in both versions of cgroups. */
const FILES = {
  pids: { 1: ['pids.max', 'pids.current'], 2: ['pids.max', 'pids.current'] },
  memory: {
    1: ['memory.limit_in_bytes', 'memory.usage_in_bytes'],
    2: ['memory.max', 'memory.current'],
  },
} as const;
/** "No limit" in version 1: the largest count of pages in bytes, less than a page below 2⁶³. */
const NO_LIMIT_V1 = 2 ** 62;

/**
 * The limits on tasks and memory of a process's cgroup and of all above it, innermost first, in both hierarchies: any of
 * them can refuse a start. @param pid a pid, or `self`
 */
export function readCgroupLimits(root: Root, pid: number | 'self'): CgroupLimit[] {
  return (['pids', 'memory'] as const).flatMap((name) =>
    placesOf(root, pid, name).flatMap(({ point, path, version }) =>
      limitsAbove(root, point, path, name, version),
    ),
  );
}

/** The file with the processors that a cgroup may use, of each version; of version 2 it may be only above it. */
const CPUSET_FILES = { 1: 'cpuset.effective_cpus', 2: 'cpuset.cpus.effective' } as const;

/** The processors of a process's cpuset, as 0-3,6; null if it is in none. */
export function readCpuset(root: Root, pid: number | 'self'): string | null {
  for (const { point, path, version } of placesOf(root, pid, 'cpuset')) {
    for (const above of ancestors(path)) {
      const cpus = root.text(`${point}${above}/${CPUSET_FILES[version]}`);
      if (cpus) return cpus;
    }
  }
  return null;
}

/** Where a process is in the hierarchies that have, or may have, a controller. */
function placesOf(
  root: Root,
  pid: number | 'self',
  controller: 'pids' | 'memory' | 'cpuset',
): { point: string; path: string; version: 1 | 2 }[] {
  const membership = root.text(`/proc/${pid}/cgroup`) ?? '';
  return (root.text('/proc/self/mountinfo') ?? '').split('\n').flatMap((line) => {
    const [mount = '', source = ''] = line.split(' - ');
    const [, , , mountRoot = '/', point = ''] = mount.split(' ');
    const isV2 = source.startsWith('cgroup2 ');
    if (!isV2 && !(source.startsWith('cgroup ') && optionsOf(source).includes(controller))) return [];
    const pattern = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm');
    const path = isV2 ? parseCgroupPath(membership) : (pattern.exec(membership)?.[1] ?? null);
    const below = relativeTo(mountRoot, path);
    return below === null ? [] : [{ point, path: below, version: isV2 ? 2 : 1 }];
  });
}

function optionsOf(source: string): string[] {
  return source.split(' ').at(-1)!.split(',');
}

/** A cgroup's path below the mount of its hierarchy; a container may have mounted only a part of the tree. */
function relativeTo(mountRoot: string, path: string | null): string | null {
  if (path === null || mountRoot === '/') return path;
  return path === mountRoot || path.startsWith(`${mountRoot}/`) ? path.slice(mountRoot.length) : '/';
}

function limitsAbove(
  root: Root,
  point: string,
  path: string,
  controller: CgroupLimit['controller'],
  version: CgroupLimit['version'],
): CgroupLimit[] {
  const [file, usedFile] = FILES[controller][version];
  return ancestors(path).flatMap((above) => {
    const directory = point + above;
    const value = root.number(`${directory}/${file}`);
    if (!Number.isFinite(value) || value > NO_LIMIT_V1) return [];
    const used = root.number(`${directory}/${usedFile}`) || 0;
    return [{ controller, version, directory, file, value, used, isLeft: false }];
  });
}

/** `/a/b` → `/a/b`, `/a`, `` (the root). */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return parts.map((_, i) => `/${parts.slice(0, parts.length - i).join('/')}`).concat('');
}
