import { type Demand, demandOf, type Known } from '../../src/doctor/demand.ts';
import type { CgroupLimit, HostFacts, HostSurvey } from '../../src/doctor/facts.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { USUAL_HOST } from '../../src/doctor/sysctl-example.ts';
import { diagnose } from '../../src/doctor/table.ts';
import { parseSpec } from '../../src/specification/parse.ts';

export const GIB = 2 ** 30;
const NONE = Number.POSITIVE_INFINITY;

/** A host with 64 GiB on which nothing is in the way of 10,000 agents, but for what a test changes. */
export function host(changes: Partial<HostFacts> = {}): HostFacts {
  return {
    uid: 0,
    pageBytes: 4096,
    sysctls: {
      'kernel.pid_max': '4194304',
      'kernel.threads-max': '513000',
      'fs.file-max': '9223372036854775807',
      'fs.nr_open': '1073741816',
      'fs.inotify.max_user_instances': '65536',
      'fs.inotify.max_user_watches': '524288',
      'net.core.rmem_default': '212992',
      'net.core.rmem_max': '4194304',
      'net.core.wmem_default': '212992',
      'net.core.wmem_max': '4194304',
      'net.core.somaxconn': '4096',
      'net.ipv4.udp_mem': '1527000 2036000 3054000',
      'net.ipv4.tcp_mem': '763000 1018000 1527000',
      'net.ipv4.ip_local_port_range': '32768 60999',
      'net.ipv4.ip_local_reserved_ports': '',
      'vm.overcommit_memory': '0',
    },
    memory: {
      totalBytes: 64 * GIB,
      availableBytes: 62 * GIB,
      swapTotalBytes: 0,
      commitLimitBytes: 32 * GIB,
      committedBytes: GIB,
    },
    used: { tasks: 200, files: 2_000, connections: null },
    rlimits: { nofile: { soft: 65_536, hard: 65_536 }, nproc: { soft: NONE, hard: NONE } },
    bubblewrap: '/usr/bin/bwrap',
    inherited: USUAL_HOST.inherited,
    cgroups: [],
    namespaces: [],
    container: null,
    disks: [
      { holds: 'state', path: '/var/lib', freeBytes: 500 * GIB, freeInodes: 10_000_000 },
      { holds: 'runtime', path: '/run', freeBytes: 6 * GIB, freeInodes: 1_000_000 },
    ],
    survey: null,
    ...changes,
  };
}

/** The host with some settings of the kernel changed; undefined takes one away. */
export function hostWith(sysctls: Record<string, string | undefined>): HostFacts {
  const merged = { ...host().sysctls, ...sysctls };
  return host({
    sysctls: Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)),
  });
}

export function survey(changes: Partial<HostSurvey> = {}): HostSurvey {
  return {
    served: { tcp: [], udp: [] },
    missingAddresses: [],
    tasksOfUser: {},
    lookAlikes: [],
    systemd: null,
    startups: [],
    ...changes,
  };
}

export function cgroup(changes: Partial<CgroupLimit> = {}): CgroupLimit {
  return {
    controller: 'pids',
    version: 2,
    directory: '/sys/fs/cgroup/user.slice/user-1000.slice',
    file: 'pids.max',
    value: 4_106,
    used: 10,
    isLeft: false,
    ...changes,
  };
}

/** So many agents of a spec, written as in a file. */
export function fleet(agents: number, spec: object | null = null, more: Partial<Known> = {}): Demand {
  const parsed = spec && parseSpec({ name: 'pilot', command: ['./pilot'], ...spec });
  return demandOf({ spec: parsed, agents, ...more });
}

/** The one finding about a limit. */
export function findingOf(limit: string, demand: Demand, facts: HostFacts): Finding {
  const found = diagnose(demand, facts).findings.filter((finding) => finding.limit === limit);
  if (found.length !== 1) throw new Error(`${found.length} findings about ${limit}`);
  return found[0]!;
}

/** What is not ok: limits by verdict. */
export function troubles(demand: Demand, facts: HostFacts): string[] {
  return diagnose(demand, facts)
    .findings.filter(({ verdict }) => verdict !== 'ok')
    .map(({ verdict, limit }) => `${verdict} ${limit}`);
}

export const MEASURED = {
  agents: 32,
  tasks: 1,
  files: 10,
  memoryBytes: 4 * 1024 ** 2,
  udpSockets: 0,
  tcpSockets: 0,
  inotifyInstances: 0,
  inotifyWatches: 0,
};
