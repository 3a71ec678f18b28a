import type { Demand } from './demand.ts';
import type { HostFacts } from './facts.ts';
import type { Finding, Judge } from './finding.ts';
import { agentFiles, fileMax, inotify, nrOpen, supervisorFiles } from './limits/files.ts';
import { cgroupMemory, memory, overcommit } from './limits/memory.ts';
import { ephemeralPorts, portRange, portsFree } from './limits/ports.ts';
import {
  bufferDefaults,
  bufferMaxima,
  conntrack,
  somaxconn,
  tcpMemory,
  udpMemory,
} from './limits/sockets.ts';
import { inodes, journalStreams, socketPath, space } from './limits/storage.ts';
import { linger, namespaces, startups, strays, systemd } from './limits/system.ts';
import { cgroupPids, nproc, pidMax, threadsMax } from './limits/tasks.ts';

/** An entry of the table: the name that its findings carry (… stands for what varies), what it asks, and its judge. */
export interface LimitEntry {
  limits: readonly string[];
  asks: string;
  judge: Judge;
}

/**
 * What a host has only so much of. Nothing here needs a look at other processes, so `spawn` asks it too.
 * Each entry judges what the host has against what the agents need, and says where the value comes from and how it is
 * changed; this is also the order in which they are shown.
 */
export const LIMITS: readonly LimitEntry[] = [
  { limits: ['kernel.pid_max'], asks: 'Is there a pid for every process and thread?', judge: pidMax },
  {
    limits: ['kernel.threads-max'],
    asks: 'Does the kernel allow so many processes and threads in all?',
    judge: threadsMax,
  },
  {
    limits: ['pids.max of …'],
    asks: 'Does every cgroup above the agents, whoever set it (a unit’s TasksMax, a container), allow so many tasks?',
    judge: cgroupPids,
  },
  {
    limits: ['RLIMIT_NPROC'],
    asks: 'May the agents’ user have so many tasks? Root is not bound.',
    judge: nproc,
  },
  {
    limits: ['RLIMIT_NOFILE'],
    asks: 'May the supervisor hold one open file for each agent?',
    judge: supervisorFiles,
  },
  {
    limits: ['resources.nofile'],
    asks: 'May an agent have as many files open as it has, or as the spec gives it?',
    judge: agentFiles,
  },
  { limits: ['fs.file-max'], asks: 'Does the kernel allow so many open files in all?', judge: fileMax },
  {
    limits: ['fs.nr_open'],
    asks: 'May one process have as many files open as the supervisor needs?',
    judge: nrOpen,
  },
  {
    limits: ['fs.inotify.max_user_instances', 'fs.inotify.max_user_watches'],
    asks: 'May the agents’ user watch so many files?',
    judge: inotify,
  },
  {
    limits: ['memory'],
    asks: 'Do the agents fit into the memory, beside all else and a tenth kept free?',
    judge: memory,
  },
  {
    limits: ['memory.max of …', 'memory.limit_in_bytes of …'],
    asks: 'Do they fit into every cgroup above them?',
    judge: cgroupMemory,
  },
  {
    limits: ['vm.overcommit_memory'],
    asks: 'Where the kernel promises no more than it has: does it still promise enough for the forks?',
    judge: overcommit,
  },
  {
    limits: ['net.core.rmem_default', 'net.core.wmem_default'],
    asks: 'Are all sockets’ default buffers together no more than a quarter of the memory?',
    judge: bufferDefaults,
  },
  {
    limits: ['net.core.rmem_max', 'net.core.wmem_max'],
    asks: 'Is the largest buffer that a daemon may ask for at least the default?',
    judge: bufferMaxima,
  },
  {
    limits: ['net.ipv4.udp_mem'],
    asks: 'Do full queues of all UDP sockets fit? (Counted in pages.)',
    judge: udpMemory,
  },
  { limits: ['net.ipv4.tcp_mem'], asks: 'Is there a page for every TCP socket’s queue?', judge: tcpMemory },
  {
    limits: ['net.core.somaxconn'],
    asks: 'Can one service queue the connections of all agents after its restart?',
    judge: somaxconn,
  },
  {
    limits: ['net.netfilter.nf_conntrack_max'],
    asks: 'Can the firewall track a connection for each socket?',
    judge: conntrack,
  },
  {
    limits: ['net.ipv4.ip_local_reserved_ports', 'net.ipv4.ip_local_port_range'],
    asks: 'Are the slots’ ports safe from outgoing connections, and are enough ports left for these?',
    judge: ephemeralPorts,
  },
  { limits: ['space of the … directory'], asks: 'Is there room for directories and logs?', judge: space },
  {
    limits: ['inodes of the … directory'],
    asks: 'Are there inodes for directories, logs and sockets?',
    judge: inodes,
  },
];

/** What else may be in a fleet's way. `spawn` looks at its ports, paths and streams slot by slot. */
export const ENVIRONMENT_CHECKS: readonly LimitEntry[] = [
  { limits: ['ports'], asks: 'Does every slot have ports at all, up to 65535?', judge: portRange },
  { limits: ['ports in use'], asks: 'Does another process serve a slot’s port?', judge: portsFree },
  { limits: ['socket path'], asks: 'Is the longest socket path within 107 bytes?', judge: socketPath },
  {
    limits: ['journald streams'],
    asks: 'With logs.to: journal, does journald take a stream for each agent?',
    judge: journalStreams,
  },
  {
    limits: ['namespaces'],
    asks: 'Is this a container, whose outer limits cannot be seen?',
    judge: namespaces,
  },
  {
    limits: ['systemd version', 'UserTasksMax', 'limits.conf'],
    asks: 'Is a limit set in a place where systemd takes no notice of it?',
    judge: systemd,
  },
  { limits: ['linger'], asks: 'Do this user’s services outlive the last session?', judge: linger },
  { limits: ['strays'], asks: 'Do processes run that look like agents and are none?', judge: strays },
  {
    limits: ['start-up script'],
    asks: 'Does something else start the fleet at boot as well?',
    judge: startups,
  },
];

/** Judges the host's limits: what `spawn` refuses for, and what the capacity of a host follows from. */
export function examineLimits(demand: Demand, facts: HostFacts): Finding[] {
  return LIMITS.flatMap(({ judge }) => judge(demand, facts));
}

/** The limit that ends the fleet's growth first. */
export interface Ceiling {
  agents: number;
  limit: string;
}

/** The lowest ceiling of all findings; null where none depends on the number of agents. */
export function firstCeiling(findings: readonly Finding[]): Ceiling | null {
  let first: Ceiling | null = null;
  for (const { limit, agentsMax } of findings) {
    if (agentsMax !== null && (first === null || agentsMax < first.agents))
      first = { agents: agentsMax, limit };
  }
  return first;
}

/** What `fleetctl doctor --json` prints. */
export interface Diagnosis {
  agents: number;
  ceiling: Ceiling | null;
  findings: Finding[];
}

/** Examines a host for so many agents. What needs a survey is silent where the facts have none. */
export function diagnose(demand: Demand, facts: HostFacts): Diagnosis {
  const findings = [...LIMITS, ...ENVIRONMENT_CHECKS].flatMap(({ judge }) => judge(demand, facts));
  return { agents: demand.agents, ceiling: firstCeiling(findings), findings };
}
