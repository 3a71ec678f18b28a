import type { ExitCause } from '../../fleet/exit.ts';
import type { Spec } from '../../specification/spec.ts';

/** The cgroup controllers that limits need. */
export type Controller = 'cpu' | 'memory' | 'pids';

/** The limits of each agent of a fleet. */
export type Resources = NonNullable<Spec['resources']>;

/** The text for a file of a cgroup; `optional` if some kernels lack the file. */
export interface LeafSetting {
  file: string;
  text: string;
  optional?: true;
}

/** The period of cpu.max in microseconds: the kernel's own default (cgroup-v2.rst). */
const CPU_PERIOD_US = 100_000;
/** The minimum quota of the kernel (min_cfs_quota_period in kernel/sched/core.c: 1 ms). */
const CPU_QUOTA_US_MIN = 1_000;

/** The controllers that a fleet's resources need; none if no limit is set (nofile is a limit of the process). */
export function controllersFor(resources: Resources | null): Controller[] {
  if (resources === null) return [];
  const { memory, cpu, pids } = resources;
  const needed: Record<Controller, boolean> = {
    cpu: cpu !== null,
    memory: memory !== null && (memory.requestBytes ?? memory.limitBytes) !== null,
    pids: pids !== null,
  };
  return (Object.keys(needed) as Controller[]).filter((controller) => needed[controller]);
}

/**
 * The settings of an agent's leaf, for the enabled controllers. Limits that the spec lacks are reset, so that the same
 * texts serve a new leaf and one whose spec has changed.
 *
 * Memory: the agent dies as a whole (oom.group), and cannot evade its limit through swap. memory.max comes last, because
 * it takes effect at once.
 */
export function leafSettings(
  { memory, cpu, pids }: Resources,
  controllers: ReadonlySet<Controller>,
): LeafSetting[] {
  const settings: Record<Controller, LeafSetting[]> = {
    cpu: [{ file: 'cpu.max', text: `${cpuQuota(cpu)} ${CPU_PERIOD_US}` }],
    pids: [{ file: 'pids.max', text: String(pids ?? 'max') }],
    memory: [
      { file: 'memory.oom.group', text: '1' },
      { file: 'memory.low', text: String(memory?.requestBytes ?? 0) },
      // Only if the kernel counts swap (CONFIG_SWAP, no swapaccount=0).
      { file: 'memory.swap.max', text: (memory?.limitBytes ?? null) === null ? 'max' : '0', optional: true },
      { file: 'memory.max', text: String(memory?.limitBytes ?? 'max') },
    ],
  };
  return [...controllers].flatMap((controller) => settings[controller]);
}

function cpuQuota(cpu: number | null): string {
  return cpu === null ? 'max' : String(Math.max(CPU_QUOTA_US_MIN, Math.round(cpu * CPU_PERIOD_US)));
}

/**
 * The texts for cgroup.subtree_control, one word per write: with several, one refusal refuses all.
 * @param enabled the current content of the file: names separated by blanks
 * @param on the controllers to enable
 * @param off the controllers to disable
 */
export function subtreeChange(
  enabled: string,
  on: readonly Controller[],
  off: readonly Controller[],
): string[] {
  const now = new Set(enabled.split(/\s+/));
  return [
    ...on.filter((controller) => !now.has(controller)).map((controller) => `+${controller}`),
    ...off.filter((controller) => now.has(controller)).map((controller) => `-${controller}`),
  ];
}

/** How often the kernel ran out of memory for a cgroup, and killed in it, since the cgroup was made. */
export interface MemoryEvents {
  /** The cgroup's own limit, or that of one below, was reached and nothing could be reclaimed. */
  oom: number;
  /** Processes of the cgroup killed for lack of memory, its own or the host's. */
  oomKill: number;
}

/** Parses memory.events (cgroup-v2.rst); a missing count is 0. */
export function parseMemoryEvents(text: string): MemoryEvents {
  const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return { oom: count('oom'), oomKill: count('oom_kill') };
}

/**
 * Whether the kernel killed for lack of memory between two readings of a leaf: null if it did not. At the agent's own
 * limit `oom` grows as well; if only `oom_kill` does, the host, or a cgroup above the leaf, was short.
 */
export function oomCause(before: MemoryEvents, after: MemoryEvents): ExitCause | null {
  if (after.oomKill <= before.oomKill) return null;
  return after.oom > before.oom ? 'oom-limit' : 'oom-host';
}

/** `resources.memory and resources.cpu are not enforced: …`, for the keys of a spec that need these controllers. */
export function describeUnenforced(controllers: readonly Controller[], why: string): string {
  const keys = new Intl.ListFormat('en').format(controllers.map((controller) => `resources.${controller}`));
  return `${keys} ${controllers.length === 1 ? 'is' : 'are'} not enforced: ${why}`;
}
