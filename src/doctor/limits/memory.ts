import { formatCount, formatSize } from '../../specification/units.ts';
import type { Demand } from '../demand.ts';
import type { HostFacts } from '../facts.ts';
import { sysctlNumber } from '../facts.ts';
import { agentsWithin, byHandFix, type Judge, judgeShared, surest } from '../finding.ts';
import { setterOf } from '../units.ts';

/** Kept free for the kernel's caches and for what agents take at once now and then. */
export const HEADROOM_SHARE = 0.1;

/** What others take of the host's memory: all that is not available, without the fleet's own running agents. */
export function memoryElsewhere({ running, least }: Demand, { memory }: HostFacts): number {
  return Math.max(0, memory.totalBytes - memory.availableBytes - running * least.memoryBytes);
}

/** The host's memory: so many agents, what others take, and headroom. It fails where not even swap would help. */
export const memory: Judge = (demand, facts) => {
  const { agents, likely, least, basis } = demand;
  const { totalBytes, swapTotalBytes } = facts.memory;
  const elsewhere = memoryElsewhere(demand, facts);
  const usable = totalBytes * (1 - HEADROOM_SHARE) - elsewhere;
  const isImpossible = agents > agentsWithin(totalBytes + swapTotalBytes - elsewhere, least.memoryBytes);
  const fitting = agentsWithin(usable, likely.memoryBytes);
  const isTight = agents > fitting;
  const needed = Math.ceil(elsewhere + agents * likely.memoryBytes + totalBytes * HEADROOM_SHARE);
  const swap = swapTotalBytes > 0 ? `${formatSize(swapTotalBytes)} swap` : 'no swap';
  return [
    {
      limit: 'memory',
      verdict: isImpossible ? 'fail' : isTight ? 'warn' : 'ok',
      needed,
      have: totalBytes,
      source: 'MemTotal in /proc/meminfo',
      why:
        `${formatSize(likely.memoryBytes)} an agent (${basis.memoryBytes}), ${formatSize(elsewhere)} for all else, ` +
        `${100 * HEADROOM_SHARE} % headroom; ${formatSize(totalBytes)} and ${swap} here.`,
      fix:
        isImpossible || isTight
          ? `lower the target to ${formatCount(fitting)}, or add memory; fleetctl plan shows the sum`
          : null,
      agentsMax: agentsWithin(usable, surest(demand, 'memoryBytes')),
      unit: 'bytes',
    },
  ];
};

/** Memory limits of every cgroup above the agents. What they hold in caches can be had back, so it does not count. */
export const cgroupMemory: Judge = (demand, facts) =>
  facts.cgroups
    .filter(({ controller }) => controller === 'memory')
    .map((limit) => {
      const { name, source, fix } = setterOf(limit, facts.survey);
      return judgeShared(demand, {
        limit: `${limit.file} of ${name}`,
        have: limit.value,
        used: demand.running * demand.least.memoryBytes,
        need: 'memoryBytes',
        source,
        why: `A cgroup bounds the memory of all below it: ${formatSize(demand.likely.memoryBytes)} an agent (${demand.basis.memoryBytes}).`,
        fix,
        isHard: !limit.isLeft,
        unit: 'bytes',
      });
    });

/** vm.overcommit_memory = 2: the kernel promises no more than CommitLimit, and a fork above it fails (proc_sys_vm(5)). */
export const overcommit: Judge = (demand, facts) => {
  if (sysctlNumber(facts, 'vm.overcommit_memory') !== 2) return [];
  const { commitLimitBytes, committedBytes } = facts.memory;
  return [
    judgeShared(demand, {
      limit: 'vm.overcommit_memory',
      have: commitLimitBytes,
      used: committedBytes,
      need: 'memoryBytes',
      source: 'CommitLimit in /proc/meminfo, as vm.overcommit_memory is 2',
      why: `Every byte that a process may write counts, used or not: at least ${formatSize(demand.least.memoryBytes)} an agent, and mostly far more.`,
      fix: byHandFix('vm.overcommit_memory', 0),
      isHard: true,
      unit: 'bytes',
    }),
  ];
};
