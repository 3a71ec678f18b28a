import { CAPABILITIES, type Capability } from '../../specification/capabilities.ts';
import { cpusOf } from '../../specification/groups/process.ts';
import { LIMIT_DEFAULTS } from '../../specification/limits.ts';
import type { LimitName, LimitValue } from '../../specification/spec.ts';
import type { HostFacts } from '../facts.ts';
import { type Finding, type Judge, remark } from '../finding.ts';

/** Limits whose usual hard limit is a number of the kernel's, which depends on memory; RLIMIT_NPROC has its own entry. */
const COUNTED_BY_KERNEL = new Set<LimitName>(['nproc', 'sigpending', 'msgqueue']);
const IN_BYTES = new Set<LimitName>(['as', 'core', 'data', 'fsize', 'memlock', 'msgqueue', 'stack']);
const SOURCE = 'the process that starts fleetd';

/** What agents have of their limits and attributes, if the supervisor may not give what the spec or the default says. */
export const attributes: Judge = ({ limits, process }, facts) => [
  ...(Object.keys(facts.inherited.hard) as LimitName[]).flatMap((name) =>
    limitFinding(name, limits?.[name] ?? null, facts),
  ),
  ...niceFindings(process?.nice ?? null, facts),
  ...(process?.ionice?.startsWith('realtime') === true
    ? missing('process.ionice', process.ionice, ['SYS_NICE', 'SYS_ADMIN'], facts)
    : []),
  ...(process === null || process.oomScoreAdj >= facts.inherited.oomScoreAdj
    ? []
    : missing('process.oomScoreAdj', process.oomScoreAdj, ['SYS_RESOURCE'], facts, 'warn')),
  ...cpuFindings(process?.cpus ?? null, facts),
  ...capabilityFindings(process?.capabilities ?? [], facts),
  ...confinement(facts),
];

function limitFinding(name: LimitName, wanted: LimitValue | null, facts: HostFacts): Finding[] {
  const hard = facts.inherited.hard[name];
  if (wanted === null && COUNTED_BY_KERNEL.has(name)) return [];
  const needed = wanted ?? LIMIT_DEFAULTS[name];
  if (toNumber(needed) <= hard) return [];
  if (wanted !== null && may('SYS_RESOURCE', facts)) return [];
  const setting = `Limit${name.toUpperCase()}=`;
  return [
    remark(wanted === null ? 'warn' : 'fail', {
      limit: `limits.${name}`,
      needed,
      have: hard,
      source: `hard limit of ${SOURCE}`,
      why:
        wanted === null
          ? 'Agents have less than a system service: a soft limit goes as far as the hard one.'
          : 'Only a supervisor with CAP_SYS_RESOURCE, as root has it, can exceed its hard limit.',
      fix: `raise it where fleetd is started (${setting} of its unit, ulimit -H in a session)${wanted === null ? '' : `, or lower limits.${name}`}`,
      ...(IN_BYTES.has(name) && { unit: 'bytes' as const }),
    }),
  ];
}

function niceFindings(wanted: number | null, facts: HostFacts): Finding[] {
  const { nice } = facts.inherited;
  if ((wanted ?? 0) >= nice || may('SYS_NICE', facts)) return [];
  return [
    remark(wanted === null ? 'warn' : 'fail', {
      limit: 'process.nice',
      needed: wanted ?? 0,
      have: nice,
      source: `nice value of ${SOURCE}`,
      why: 'Only a supervisor with CAP_SYS_NICE, as root has it, can go below its own.',
      fix: 'start fleetd without nice, or as root',
    }),
  ];
}

function cpuFindings(wanted: string | null, { inherited }: HostFacts): Finding[] {
  if (wanted === null) return [];
  const absent = cpusOf(wanted).difference(cpusOf(inherited.cpus));
  if (absent.size === 0) return [];
  const isNone = absent.size === cpusOf(wanted).size;
  return [
    remark(isNone ? 'fail' : 'warn', {
      limit: 'process.cpus',
      needed: wanted,
      have: inherited.cpus,
      source: 'the cpuset of the supervisor, or /sys/devices/system/cpu/online',
      why: `This host has, or allows, no processor ${[...absent].join(', ')}${isNone ? '' : '; agents run on the others'}.`,
      fix: 'name processors that exist',
    }),
  ];
}

function capabilityFindings(wanted: readonly Capability[], facts: HostFacts): Finding[] {
  const lacking = wanted.filter((name) => !may(name, facts));
  if (lacking.length === 0) return [];
  return [
    remark('fail', {
      limit: 'process.capabilities',
      needed: wanted.join(', '),
      have: listed(facts.inherited.capabilities),
      source: `capabilities of ${SOURCE}`,
      why: `The supervisor cannot give ${lacking.join(', ')}, which it does not have.`,
      fix: 'run the supervisor as root, or with AmbientCapabilities= in its unit',
    }),
  ];
}

/** What nothing undoes. In a container it is usual. */
function confinement({ inherited, container }: HostFacts): Finding[] {
  if (inherited.confinedBy.length === 0 || container !== null) return [];
  return [
    remark('warn', {
      limit: 'process.confinement',
      have: inherited.confinedBy.join(', '),
      source: `/proc/PID/status of ${SOURCE}`,
      why: 'Agents inherit it from whoever started the supervisor, and no process can undo it.',
      fix: 'start fleetd from a session or a unit without it',
    }),
  ];
}

/** @param either the capabilities of which one suffices */
function missing(
  limit: string,
  needed: string | number,
  either: readonly Capability[],
  facts: HostFacts,
  verdict: 'warn' | 'fail' = 'fail',
): Finding[] {
  if (either.some((name) => may(name, facts))) return [];
  return [
    remark(verdict, {
      limit,
      needed,
      have: null,
      source: `capabilities of ${SOURCE}`,
      why: `It needs a supervisor with ${either.map((name) => `CAP_${name}`).join(' or ')}, as root has it.`,
      fix: `run the supervisor as root, or take ${limit} out of the spec`,
    }),
  ];
}

function may(name: Capability, { inherited }: HostFacts): boolean {
  return inherited.capabilities.includes(name);
}

function listed(capabilities: readonly Capability[]): string {
  if (capabilities.length === CAPABILITIES.length) return 'all';
  return capabilities.length === 0 ? 'none' : capabilities.join(', ');
}

function toNumber(value: LimitValue): number {
  return value === 'unlimited' ? Number.POSITIVE_INFINITY : value;
}
