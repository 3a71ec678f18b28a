import { formatCount, formatSize } from '../../specification/units.ts';
import type { Demand } from '../demand.ts';
import type { HostFacts } from '../facts.ts';
import { sysctlNumber } from '../facts.ts';
import { agentsWithin, byHandFix, type Judge, judgeShared, surest } from '../finding.ts';
import { setterOf } from '../units.ts';

/** The share of memory that is kept free for the kernel's caches and for bursts of the agents. */
export const HEADROOM_SHARE = 0.1;

/** The memory of everything else on the host: all that is not available, minus the fleet's running agents. */
export function memoryElsewhere({ running, least }: Demand, { memory }: HostFacts): number {
  return Math.max(0, memory.totalBytes - memory.availableBytes - running * least.memoryBytes);
}

/** The host's memory for the agents, everything else and headroom. The verdict is fail if not even swap would help. */
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
        `${formatSize(likely.memoryBytes)} per agent (${basis.memoryBytes}), ${formatSize(elsewhere)} for everything else, ` +
        `${100 * HEADROOM_SHARE} % headroom; this host has ${formatSize(totalBytes)} and ${swap}.`,
      fix:
        isImpossible || isTight
          ? `lower the target to ${formatCount(fitting)}, or add memory; fleetctl plan shows the arithmetic`
          : null,
      agentsMax: agentsWithin(usable, surest(demand, 'memoryBytes')),
      unit: 'bytes',
    },
  ];
};

/** Memory limits of every cgroup above the agents. Their caches can be reclaimed, so they do not count. */
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
        why: `A cgroup bounds the memory of everything below it: ${formatSize(demand.likely.memoryBytes)} per agent (${demand.basis.memoryBytes}).`,
        fix,
        isHard: !limit.isLeft,
        unit: 'bytes',
      });
    });

/** vm.overcommit_memory = 2: the kernel commits at most CommitLimit, and a fork beyond it fails (proc_sys_vm(5)). */
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
      why: `Every byte that a process may write counts, used or not: at least ${formatSize(demand.least.memoryBytes)} per agent, and usually far more.`,
      fix: byHandFix('vm.overcommit_memory', 0),
      isHard: true,
      unit: 'bytes',
    }),
  ];
};
