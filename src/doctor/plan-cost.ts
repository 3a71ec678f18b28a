import type { CapacityPlan } from './plan.ts';

const GIBIBYTE = 2 ** 30;
/** What a virtual machine's own system takes, and the smallest that is sold: 1 GiB, in whole GiB. */
const VM_SYSTEM_BYTES = GIBIBYTE / 2;
const COST = /^(\d{1,9}(?:\.\d{1,4})?)\/(hour|day|week|month|year)$/;

/** What the host costs: an amount, in whatever currency, for a period. */
export interface Cost {
  amount: number;
  period: string;
}

/** Takes `140/month`; gives null for anything else. */
export function parseCost(text: string): Cost | null {
  const found = COST.exec(text);
  return found ? { amount: Number(found[1]), period: found[2]! } : null;
}

/** What an agent costs, in the fleet and alone in a virtual machine, for the same period as the host. */
export interface CostPlan extends Cost {
  agents: number;
  perAgent: number | null;
  /** The smallest machine that holds one agent, at this host's price of a GiB. */
  vmBytes: number;
  perAgentInVm: number;
}

/** Divides the host's cost among its agents: those that are wanted, as far as they fit. */
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
