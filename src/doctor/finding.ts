import type { Demand, Needs } from './demand.ts';
import type { HostFacts, SysctlName } from './facts.ts';

/** fail: this number of agents cannot work. warn: it may cause trouble, or its effect is unknown. */
export type LimitVerdict = 'ok' | 'warn' | 'fail';

/** One limit of the host, compared with what the agents need. Numbers are in the limit's own unit; null: no number. */
export interface Finding {
  limit: string;
  verdict: LimitVerdict;
  needed: number | string | null;
  have: number | string | null;
  /** Where the host's value is set. */
  source: string;
  /** What the agents need of it, and why; a sentence or several. */
  why: string;
  /** Exactly what to do, as a clause without a final period; null if there is nothing to do. */
  fix: string | null;
  /** The maximum number of this fleet's agents that the limit allows; null if it does not depend on their number. */
  agentsMax: number | null;
  /** The unit of `needed` and `have` in texts; absent: a plain number. */
  unit?: 'bytes';
}

/** Judges one property of a host. The result may be several findings (one per cgroup) or none. */
export type Judge = (demand: Demand, facts: HostFacts) => readonly Finding[];

/**
 * Judges what fleets do not share: each of several for itself. The same trouble of several is named once, and where there
 * is none, the first of them stands for all.
 */
export function ofEach(judge: Judge): Judge {
  return (demand, facts) => {
    const findings = (demand.parts ?? [demand]).map((part) => judge(part, facts));
    const troubles = findings.flat().filter(({ verdict }) => verdict !== 'ok');
    if (troubles.length === 0) return findings[0] ?? [];
    return [...new Map(troubles.map((finding) => [JSON.stringify(finding), finding])).values()];
  };
}

/** A limit that agents share with everything else on the host. */
export interface SharedLimit {
  limit: string;
  have: number;
  /** What is used now, by running agents and everything else. */
  used: number;
  need: keyof Needs;
  source: string;
  why: string;
  fix: string;
  /** Whether nothing works beyond it; otherwise exceeding it may only cause trouble. */
  isHard: boolean;
  unit?: 'bytes';
}

/**
 * Judges a shared limit. What is already used counts, except what the fleet's running agents use. The verdict is fail if
 * not even the minimum needs of the agents fit.
 */
export function judgeShared(demand: Demand, shared: SharedLimit): Finding {
  const { limit, have, used, need, source, why, fix, isHard, unit } = shared;
  const likely = demand.likely[need];
  const least = demand.least[need];
  const elsewhere = Math.max(0, used - demand.running * least);
  const left = have - elsewhere;
  const agentsMax = agentsWithin(left, surest(demand, need));
  const isImpossible = demand.agents > agentsWithin(left, least);
  const verdict =
    isHard && isImpossible ? 'fail' : demand.agents > agentsWithin(left, likely) ? 'warn' : 'ok';
  return {
    limit,
    verdict,
    needed: Math.ceil(elsewhere + demand.agents * likely),
    have,
    source,
    why,
    fix: verdict === 'ok' ? null : fix,
    agentsMax: Number.isFinite(agentsMax) ? agentsMax : null,
    ...(unit && { unit }),
  };
}

/** The need that a ceiling is computed from: the likely one if it is known, the minimum if it is only assumed. */
export function surest({ likely, least, basis }: Demand, need: keyof Needs): number {
  return basis[need] === 'assumed' ? least[need] : likely[need];
}

/** How many agents fit into what is left; Infinity if they need nothing of it. */
export function agentsWithin(left: number, each: number): number {
  if (each <= 0) return Number.POSITIVE_INFINITY;
  // Measured averages have rounding errors, which must not lower the quotient by one.
  return Math.max(0, Math.floor(left / each + 1e-9));
}

/** A finding that does not depend on the number of agents. */
export function remark(
  verdict: LimitVerdict,
  finding: Pick<Finding, 'limit' | 'source' | 'why' | 'fix'> &
    Partial<Pick<Finding, 'needed' | 'have' | 'unit'>>,
): Finding {
  return { needed: null, have: null, ...finding, verdict, agentsMax: null };
}

/** The file of a sysctl. */
export function sysctlSource(name: SysctlName): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/** How to raise a sysctl of the drop-in, now and for every boot. */
export function sysctlFix(name: SysctlName, value: string | number): string {
  return `${byHandFix(name, value)}; fleetctl install does both`;
}

/** The same for a sysctl that fleetctl install does not set, because it is not in the drop-in or would be lowered. */
export function byHandFix(name: SysctlName, value: string | number): string {
  return `sysctl -w ${name}='${value}', and the same line in /etc/sysctl.d/60-fleetd.conf`;
}
