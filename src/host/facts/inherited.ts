import type { Inherited } from '../../doctor/facts.ts';
import { CAPABILITIES } from '../../specification/capabilities.ts';
import type { LimitName } from '../../specification/spec.ts';
import { readCpuset } from './cgroups.ts';
import type { Root } from './root.ts';

/** The names of limits in /proc/PID/limits (fs/proc/base.c). */
const LIMIT_NAMES: Readonly<Record<LimitName, string>> = {
  as: 'Max address space',
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nproc: 'Max processes',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

/** Reads what a process passes on to those that it starts, and what it may change of that. */
export function readInherited(root: Root, who: number | 'self'): Inherited {
  const limits = root.text(`/proc/${who}/limits`) ?? '';
  const status = root.text(`/proc/${who}/status`) ?? '';
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
  const effective = BigInt(`0x${field('CapEff') ?? '0'}`);
  return {
    hard: Object.fromEntries(
      Object.entries(LIMIT_NAMES).map(([name, title]) => [name, limitIn(limits, title).hard]),
    ) as Inherited['hard'],
    nice: niceIn(root.text(`/proc/${who}/stat`) ?? ''),
    oomScoreAdj: root.number(`/proc/${who}/oom_score_adj`) || 0,
    cpus: readCpuset(root, who) ?? root.text('/sys/devices/system/cpu/online') ?? '0',
    capabilities: CAPABILITIES.filter((_, number) => ((effective >> BigInt(number)) & 1n) === 1n),
    confinedBy: [
      ...(field('NoNewPrivs') === '1' ? ['no_new_privs'] : []),
      ...((field('Seccomp') ?? '0') === '0' ? [] : ['seccomp']),
    ],
  };
}

/** A limit as /proc/PID/limits prints it: name, soft, hard, unit in columns; unlimited if it is not there. */
export function limitIn(text: string, title: string): { soft: number; hard: number } {
  const found = new RegExp(`^${title} +(\\d+|unlimited) +(\\d+|unlimited)`, 'm').exec(text);
  const value = (digits: string | undefined) =>
    /^\d+$/.test(digits ?? '') ? Number(digits) : Number.POSITIVE_INFINITY;
  return { soft: value(found?.[1]), hard: value(found?.[2]) };
}

/** The nineteenth field of /proc/PID/stat; the second one, in parentheses, may hold anything (proc_pid_stat(5)). */
function niceIn(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16] ?? 0) || 0;
}
