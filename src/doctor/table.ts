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

/**
 * What a host has only so much of. Nothing here needs a look at other processes, so `spawn` asks it too.
 * Each entry judges what the host has against what the agents need, and says where the value comes from and how it is
 * changed; this is also the order in which they are shown.
 */
const LIMITS: readonly Judge[] = [
  pidMax,
  threadsMax,
  cgroupPids,
  nproc,
  supervisorFiles,
  agentFiles,
  fileMax,
  nrOpen,
  inotify,
  memory,
  cgroupMemory,
  overcommit,
  bufferDefaults,
  bufferMaxima,
  udpMemory,
  tcpMemory,
  somaxconn,
  conntrack,
  ephemeralPorts,
  space,
  inodes,
];

/** What else may be in a fleet's way. `spawn` looks at its ports, paths and streams slot by slot. */
const SURROUNDINGS: readonly Judge[] = [
  portRange,
  portsFree,
  socketPath,
  journalStreams,
  namespaces,
  systemd,
  linger,
  strays,
  startups,
];

/** Judges the host's limits: what `spawn` refuses for, and what the capacity of a host follows from. */
export function examineLimits(demand: Demand, facts: HostFacts): Finding[] {
  return LIMITS.flatMap((judge) => judge(demand, facts));
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
  const findings = [...LIMITS, ...SURROUNDINGS].flatMap((judge) => judge(demand, facts));
  return { agents: demand.agents, ceiling: firstCeiling(findings), findings };
}
