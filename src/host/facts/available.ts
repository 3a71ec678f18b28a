import type { CgroupLimit } from '../../doctor/facts.ts';
import type { HostMemory } from '../../fleet/pressure.ts';
import { readMemory } from '../proc/meminfo.ts';
import { readCgroupLimits } from './cgroups.ts';
import { Root } from './root.ts';

/** Page cache that can be reclaimed without writing or swapping, by its name in memory.stat of each cgroup version. */
const RECLAIMABLE = { 1: 'total_inactive_file', 2: 'inactive_file' } as const;

/**
 * The memory available to this process and its children: the host's, or what the tightest memory cgroup above it (a
 * container, a slice) leaves of it.
 */
export function readAvailableMemory(root = new Root()): HostMemory {
  const host = readMemory(root.proc);
  const limits = readCgroupLimits(root, 'self').filter(({ controller }) => controller === 'memory');
  const left = limits.map((limit) => Math.max(0, limit.value - limit.used + reclaimable(root, limit)));
  return {
    totalBytes: Math.min(host.totalBytes, ...limits.map(({ value }) => value)),
    availableBytes: Math.min(host.availableBytes, ...left),
    pressurePercent: host.pressurePercent,
  };
}

function reclaimable(root: Root, { directory, version }: CgroupLimit): number {
  const stat = root.text(`${directory}/memory.stat`) ?? '';
  return Number(new RegExp(`^${RECLAIMABLE[version]} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
}
