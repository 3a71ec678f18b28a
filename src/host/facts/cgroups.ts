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
  const membership = root.text(`/proc/${pid}/cgroup`) ?? '';
  return (root.text('/proc/self/mountinfo') ?? '').split('\n').flatMap((line) => {
    const [mount = '', source = ''] = line.split(' - ');
    const [, , , mountRoot = '/', point = ''] = mount.split(' ');
    if (source.startsWith('cgroup2 ')) {
      const path = relativeTo(mountRoot, parseCgroupPath(membership));
      return (['pids', 'memory'] as const).flatMap((name) => limitsAbove(root, point, path, name, 2));
    }
    const name = source.startsWith('cgroup ') ? controllerOf(source) : null;
    if (name === null) return [];
    const found = new RegExp(`^\\d+:(?:[^:]*,)?${name}(?:,[^:]*)?:(.*)$`, 'm').exec(membership)?.[1];
    return limitsAbove(root, point, relativeTo(mountRoot, found ?? null), name, 1);
  });
}

function controllerOf(source: string): 'pids' | 'memory' | null {
  const options = source.split(' ').at(-1)!.split(',');
  return (['pids', 'memory'] as const).find((name) => options.includes(name)) ?? null;
}

/** A cgroup's path below the mount of its hierarchy; a container may have mounted only a part of the tree. */
function relativeTo(mountRoot: string, path: string | null): string | null {
  if (path === null || mountRoot === '/') return path;
  return path === mountRoot || path.startsWith(`${mountRoot}/`) ? path.slice(mountRoot.length) : '/';
}

function limitsAbove(
  root: Root,
  point: string,
  path: string | null,
  controller: CgroupLimit['controller'],
  version: CgroupLimit['version'],
): CgroupLimit[] {
  if (path === null) return [];
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
