import type { Demand } from './demand.ts';
import type { HostFacts } from './facts.ts';
import { type Finding, type Judge, ofEach } from './finding.ts';
import { attributes } from './limits/attributes.ts';
import { agentFiles, fileMax, inotify, nrOpen, supervisorFiles } from './limits/files.ts';
import { cgroupMemory, memory, overcommit } from './limits/memory.ts';
import { addressesHere, addressRange, ephemeralPorts, portRange, portsFree } from './limits/ports.ts';
import { ownNamespaces, sandbox } from './limits/sandbox.ts';
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

/** An entry of the table: the names of its findings (… for a varying part), the question, and its judge. */
export interface LimitEntry {
  limits: readonly string[];
  asks: string;
  judge: Judge;
}

/**
 * The finite resources of a host, in the order in which they are shown. Each entry compares what the host has with what
 * the agents need, and states where the value is set and how to change it. None examines other processes, so that `spawn`
 * can check them too.
 */
export const LIMITS: readonly LimitEntry[] = [
  { limits: ['kernel.pid_max'], asks: 'Is there a pid for every process and thread?', judge: pidMax },
  {
    limits: ['kernel.threads-max'],
    asks: 'Does the kernel allow this number of processes and threads in total?',
    judge: threadsMax,
  },
  {
    limits: ['pids.max of …'],
    asks: 'Does every cgroup above the agents, such as a unit with TasksMax or a container, allow this number of tasks?',
    judge: cgroupPids,
  },
  {
    limits: ['RLIMIT_NPROC'],
    asks: "Does the limit of the agents' user allow this number of tasks? It does not apply to root.",
    judge: nproc,
  },
  {
    limits: ['RLIMIT_NOFILE'],
    asks: 'May the supervisor have one open file per agent?',
    judge: supervisorFiles,
  },
  {
    limits: ['resources.nofile'],
    asks: 'May an agent have the number of open files that it needs, or that the spec allows it?',
    judge: ofEach(agentFiles),
  },
  {
    limits: ['limits.…', 'process.…'],
    asks: 'May agents have the limits and attributes of the spec, or else those of a system service?',
    judge: ofEach(attributes),
  },
  {
    limits: ['user.max_mnt_namespaces', 'user.max_user_namespaces'],
    asks: 'With sandbox: may each agent have namespaces of its own?',
    judge: ownNamespaces,
  },
  {
    limits: ['fs.file-max'],
    asks: 'Does the kernel allow this number of open files in total?',
    judge: fileMax,
  },
  {
    limits: ['fs.nr_open'],
    asks: 'May one process have the number of open files that the supervisor needs?',
    judge: nrOpen,
  },
  {
    limits: ['fs.inotify.max_user_instances', 'fs.inotify.max_user_watches'],
    asks: "May the agents' user watch this number of files?",
    judge: inotify,
  },
  {
    limits: ['memory'],
    asks: 'Do the agents fit into memory, next to everything else and with a tenth kept free?',
    judge: memory,
  },
  {
    limits: ['memory.max of …', 'memory.limit_in_bytes of …'],
    asks: 'Do the agents fit into the memory of every cgroup above them?',
    judge: cgroupMemory,
  },
  {
    limits: ['vm.overcommit_memory'],
    asks: 'If the kernel does not overcommit memory, can it still commit enough for the forks?',
    judge: overcommit,
  },
  {
    limits: ['net.core.rmem_default', 'net.core.wmem_default'],
    asks: 'Do the default buffers of all sockets together stay within a quarter of the memory?',
    judge: bufferDefaults,
  },
  {
    limits: ['net.core.rmem_max', 'net.core.wmem_max'],
    asks: 'Is the maximum buffer that a daemon may request at least the default?',
    judge: bufferMaxima,
  },
  {
    limits: ['net.ipv4.udp_mem'],
    asks: 'Do the full queues of all UDP sockets fit? (Counted in pages.)',
    judge: udpMemory,
  },
  {
    limits: ['net.ipv4.tcp_mem'],
    asks: 'Is there a page for the queue of every TCP socket?',
    judge: tcpMemory,
  },
  {
    limits: ['net.core.somaxconn'],
    asks: 'Can a service that all agents connect to queue their connections after its restart?',
    judge: somaxconn,
  },
  {
    limits: ['net.netfilter.nf_conntrack_max'],
    asks: 'Can the firewall track a connection per socket?',
    judge: conntrack,
  },
  {
    limits: ['net.ipv4.ip_local_reserved_ports', 'net.ipv4.ip_local_port_range'],
    asks: "Are the slots' ports safe from outgoing connections, and do these have enough ports left?",
    judge: ephemeralPorts,
  },
  { limits: ['space of the … directory'], asks: 'Is there space for directories and logs?', judge: space },
  {
    limits: ['inodes of the … directory'],
    asks: 'Are there inodes for directories, logs and sockets?',
    judge: inodes,
  },
];

/** Other obstacles for a fleet. `spawn` checks its ports, paths and streams slot by slot. */
export const ENVIRONMENT_CHECKS: readonly LimitEntry[] = [
  { limits: ['ports'], asks: 'Are the ports of every slot within 65535?', judge: portRange },
  { limits: ['addresses'], asks: 'Does every slot have an address in the block?', judge: addressRange },
  {
    limits: ['addresses of this host'],
    asks: "Does this host have every slot's address?",
    judge: addressesHere,
  },
  { limits: ['ports in use'], asks: "Does another process serve a slot's port?", judge: portsFree },
  { limits: ['socket path'], asks: 'Is the longest socket path within 107 bytes?', judge: socketPath },
  {
    limits: ['journald streams'],
    asks: 'With logs.to: journal, does journald accept a stream per agent?',
    judge: journalStreams,
  },
  {
    limits: ['sandbox'],
    asks: 'With sandbox: is bubblewrap there, and may the supervisor use it?',
    judge: ofEach(sandbox),
  },
  {
    limits: ['namespaces'],
    asks: 'Is this a container, whose outer limits are invisible?',
    judge: namespaces,
  },
  {
    limits: ['systemd version', 'UserTasksMax', 'limits.conf'],
    asks: 'Is a limit set in a place that systemd ignores?',
    judge: systemd,
  },
  { limits: ['linger'], asks: "Do this user's services outlive the last session?", judge: linger },
  { limits: ['strays'], asks: 'Are there processes that look like agents but are none?', judge: strays },
  {
    limits: ['start-up script'],
    asks: 'Does anything else start the fleet at boot?',
    judge: startups,
  },
];

/** Judges the host's limits, which decide whether `spawn` refuses and how many agents fit. */
export function examineLimits(demand: Demand, facts: HostFacts): Finding[] {
  return LIMITS.flatMap(({ judge }) => judge(demand, facts));
}

/** The limit that stops the fleet's growth first. */
export interface Ceiling {
  agents: number;
  limit: string;
}

/** The lowest ceiling of all findings; null if none depends on the number of agents. */
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

/** Examines a host for a fleet. Checks that need a survey report nothing if the facts have none. */
export function diagnose(demand: Demand, facts: HostFacts): Diagnosis {
  const findings = [...LIMITS, ...ENVIRONMENT_CHECKS].flatMap(({ judge }) => judge(demand, facts));
  return { agents: demand.agents, ceiling: firstCeiling(findings), findings };
}
