import { SLOT_MAX } from '../specification/slots.ts';
import type { Demand } from './demand.ts';
import type { HostFacts } from './facts.ts';
import { agentsWithin, type Finding } from './finding.ts';
import { HEADROOM_SHARE, memoryElsewhere } from './limits/memory.ts';
import { addressRange, portRange } from './limits/ports.ts';
import { examineLimits } from './table.ts';

/** The arithmetic of memory: total − headroom − elsewhere = usable, and usable / each = agents. */
export interface MemoryPlan {
  totalBytes: number;
  headroomBytes: number;
  elsewhereBytes: number;
  usableBytes: number;
  eachBytes: number;
  /** Where `eachBytes` comes from: measured, the spec, or assumed. */
  basis: string;
  agents: number;
}

/** The sums of requests and limits for this number of agents, as shares of the host's memory. */
export interface Overcommit {
  agents: number;
  requestBytes: number | null;
  requestShare: number | null;
  limitBytes: number | null;
  limitShare: number | null;
}

/** A limit other than memory, and how many agents it allows. */
export type LimitPlan = Pick<Finding, 'limit' | 'have' | 'needed' | 'why' | 'source'> & { agents: number };

export interface CapacityPlan {
  /** How many agents fit all limits. */
  agents: number;
  binding: string;
  /** How many are wanted; null if unknown. */
  wanted: number | null;
  memory: MemoryPlan;
  overcommit: Overcommit | null;
  /** Lowest first, without limits above the maximum number of slots. */
  limits: LimitPlan[];
}

/** Computes how many agents fit a host, by memory and by every other limit that depends on their number. */
export function planCapacity(demand: Demand, facts: HostFacts): CapacityPlan {
  const memory = planMemory(demand, facts);
  const places = [...portRange(demand, facts), ...addressRange(demand, facts)];
  const limits = [...examineLimits(demand, facts), ...places]
    .flatMap(({ limit, have, needed, why, source, agentsMax }) =>
      limit === 'memory' || agentsMax === null || agentsMax > SLOT_MAX
        ? []
        : [{ limit, have, needed, why, source, agents: agentsMax }],
    )
    .sort((a, b) => a.agents - b.agents);
  const [lowest] = limits;
  const isMemory = lowest === undefined || memory.agents <= lowest.agents;
  const agents = isMemory ? memory.agents : lowest.agents;
  const wanted = demand.agents > 0 ? demand.agents : null;
  return {
    agents,
    binding: isMemory ? 'memory' : lowest.limit,
    wanted,
    memory,
    overcommit: planOvercommit(demand, wanted ?? agents, facts.memory.totalBytes),
    limits,
  };
}

function planMemory(demand: Demand, facts: HostFacts): MemoryPlan {
  const { totalBytes } = facts.memory;
  const headroomBytes = Math.round(totalBytes * HEADROOM_SHARE);
  const elsewhereBytes = Math.round(memoryElsewhere(demand, facts));
  const usableBytes = Math.max(0, totalBytes - headroomBytes - elsewhereBytes);
  const eachBytes = Math.ceil(demand.likely.memoryBytes);
  const agents = agentsWithin(usableBytes, eachBytes);
  const { memoryBytes: basis } = demand.basis;
  return { totalBytes, headroomBytes, elsewhereBytes, usableBytes, eachBytes, basis, agents };
}

function planOvercommit({ memory }: Demand, agents: number, totalBytes: number): Overcommit | null {
  const { requestBytes, limitBytes } = memory;
  if (requestBytes === null && limitBytes === null) return null;
  const share = (bytes: number | null) => (bytes === null ? null : (agents * bytes) / totalBytes);
  return {
    agents,
    requestBytes,
    requestShare: share(requestBytes),
    limitBytes,
    limitShare: share(limitBytes),
  };
}
