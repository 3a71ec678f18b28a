import type { CapacityPlan } from './plan.ts';

const GIBIBYTE = 2 ** 30;
/** The memory of a virtual machine's own system. Machines are sold in whole GiB, from 1 GiB on. */
const VM_SYSTEM_BYTES = GIBIBYTE / 2;
const COST = /^(\d{1,9}(?:\.\d{1,4})?)\/(hour|day|week|month|year)$/;

/** What the host costs: an amount, in any currency, per period. */
export interface Cost {
  amount: number;
  period: string;
}

/** Parses `140/month`; null for anything else. */
export function parseCost(text: string): Cost | null {
  const found = COST.exec(text);
  return found ? { amount: Number(found[1]), period: found[2]! } : null;
}

/** The cost per agent, in the fleet and alone in a virtual machine, for the same period as the host's. */
export interface CostPlan extends Cost {
  agents: number;
  perAgent: number | null;
  /** The size of the smallest machine for one agent. Its price is this host's price per GiB. */
  vmBytes: number;
  perAgentInVm: number;
}

/** Divides the host's cost by its agents: those that are wanted, as far as they fit. */
export function planCost({ amount, period }: Cost, { agents, wanted, memory }: CapacityPlan): CostPlan {
  const shared = Math.min(wanted ?? agents, agents);
  const vmBytes = Math.max(1, Math.ceil((memory.eachBytes + VM_SYSTEM_BYTES) / GIBIBYTE)) * GIBIBYTE;
  return {
    amount,
    period,
    agents: shared,
    perAgent: shared > 0 ? amount / shared : null,
    vmBytes,
    perAgentInVm: (amount * vmBytes) / memory.totalBytes,
  };
}
