import { formatCount } from '../../specification/units.ts';
import type { Demand } from '../demand.ts';
import type { HostFacts, SysctlName } from '../facts.ts';
import { sysctlNumber } from '../facts.ts';
import { type Finding, type Judge, judgeShared, remark, sysctlFix, sysctlSource } from '../finding.ts';
import { sysctlSettings } from '../sysctl.ts';
import { setterOf } from '../units.ts';

/**
 * kernel.pid_max: every process and every thread has a pid. In a PID namespace, it counts the namespace's tasks since
 * Linux 6.14, and the host's before; only the host's can be read.
 */
export const pidMax: Judge = (demand, facts) =>
  kernelLimit(demand, facts, {
    name: 'kernel.pid_max',
    what: 'Every process and every thread has a pid',
    isHard: !facts.namespaces.includes('pid'),
  });

/** kernel.threads-max: the kernel's own bound for the memory of threads; it binds root too (kernel/fork.c). */
export const threadsMax: Judge = (demand, facts) =>
  kernelLimit(demand, facts, {
    name: 'kernel.threads-max',
    what: 'The kernel counts all processes and threads',
    isHard: true,
  });

function kernelLimit(
  demand: Demand,
  facts: HostFacts,
  { name, what, isHard }: { name: SysctlName; what: string; isHard: boolean },
): Finding[] {
  const have = sysctlNumber(facts, name);
  if (have === null) return [];
  const wanted = sysctlSettings(demand, facts).find(({ key }) => key === name);
  return [
    judgeShared(demand, {
      limit: name,
      have,
      used: facts.used.tasks,
      need: 'tasks',
      source: sysctlSource(name),
      why: `${what}: ${tasksEach(demand)}, plus those of the host.`,
      fix: sysctlFix(name, wanted!.value),
      isHard,
    }),
  ];
}

/** pids.max of every cgroup above the agents, in both hierarchies: a fork fails if it exceeds any of them. */
export const cgroupPids: Judge = (demand, facts) =>
  facts.cgroups
    .filter(({ controller }) => controller === 'pids')
    .map((limit) => {
      const { name, source, fix } = setterOf(limit, facts.survey);
      const shared = {
        limit: `pids.max of ${name}`,
        have: limit.value,
        used: limit.used,
        need: 'tasks' as const,
        source,
        why: `A cgroup counts the tasks of everything below it: ${tasksEach(demand)}.`,
        fix,
        isHard: !limit.isLeft,
      };
      const finding = judgeShared(demand, shared);
      if (!limit.isLeft || finding.verdict === 'ok') return finding;
      const why =
        'A supervisor that root starts leaves this cgroup, and so do its agents; other processes started from here stay in it.';
      return { ...finding, why, agentsMax: null };
    });

/** RLIMIT_NPROC counts the tasks of a user, and does not bind root (getrlimit(2)). */
export const nproc: Judge = (demand, facts) => {
  const { soft } = facts.rlimits.nproc;
  const limit = 'RLIMIT_NPROC';
  const source = 'ulimit -u of the process that starts fleetd';
  const isEach = demand.user !== null && 'base' in demand.user;
  if (facts.uid === 0 && demand.user === null) {
    return [remark('ok', { limit, have: finite(soft), source, why: 'It does not bind root.', fix: null })];
  }
  if (!Number.isFinite(soft)) return [];
  const fix =
    'raise LimitNPROC= of the unit that starts fleetd; in a session ulimit -u, or nproc in /etc/security/limits.conf';
  if (isEach) {
    const needed = Math.ceil(demand.likely.tasks);
    const verdict = needed > soft ? 'warn' : 'ok';
    const why = `Every slot has a user of its own, with ${tasksEach(demand)}.`;
    return [remark(verdict, { limit, have: soft, needed, source, why, fix: verdict === 'ok' ? null : fix })];
  }
  return [
    judgeShared(demand, {
      limit,
      have: soft,
      used: usedByAgentsUser(demand, facts),
      need: 'tasks',
      source,
      why: `It counts the tasks of the agents' user: ${tasksEach(demand)}.`,
      fix,
      isHard: true,
    }),
  ];
};

/** The tasks of the agents' user; if they were not counted, or if it is another user, only those of the fleet. */
function usedByAgentsUser({ user, running, least }: Demand, { uid, survey }: HostFacts): number {
  const known = user === null ? survey?.tasksOfUser[uid] : undefined;
  return known ?? running * least.tasks;
}

function tasksEach({ likely, basis }: Demand): string {
  return `${formatCount(Math.round(likely.tasks * 10) / 10)} per agent (${basis.tasks})`;
}

const finite = (value: number): number | string => (Number.isFinite(value) ? value : 'unlimited');
