import type { Demand, Needs } from './demand.ts';
import type { HostFacts, SysctlName } from './facts.ts';

/** fail: so many agents surely cannot work. warn: it may hurt, or nobody can tell. */
export type LimitVerdict = 'ok' | 'warn' | 'fail';

/** One limit of the host against what the agents need. Numbers are in the limit's own unit; null: no number. */
export interface Finding {
  limit: string;
  verdict: LimitVerdict;
  needed: number | string | null;
  have: number | string | null;
  /** Where the host's value is set. */
  source: string;
  /** What the agents need of it, and why. */
  why: string;
  /** What to do, exactly; null where there is nothing to do. */
  fix: string | null;
  /** The most agents of this fleet that the limit allows; null where it does not depend on their number. */
  agentsMax: number | null;
  /** What `needed` and `have` count, for people; absent: just so many. */
  unit?: 'bytes';
}

/** An entry of the table: judges one thing about a host, which may be several findings (each cgroup) or none. */
export type Judge = (demand: Demand, facts: HostFacts) => readonly Finding[];

/** A limit that agents share with all else on the host. */
export interface SharedLimit {
  limit: string;
  have: number;
  /** What is used now, by running agents and all else. */
  used: number;
  need: keyof Needs;
  source: string;
  why: string;
  fix: string;
  /** Whether nothing works beyond it; else it only may hurt. */
  isHard: boolean;
  unit?: 'bytes';
}

/**
 * Judges a limit that agents share: what is used already counts, but not what the fleet's own running agents use.
 * It fails where not even what agents take for sure would fit.
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

/** What the ceiling is reckoned with: what is known of an agent, and of what is only assumed the least that is sure. */
export function surest({ likely, least, basis }: Demand, need: keyof Needs): number {
  return basis[need] === 'assumed' ? least[need] : likely[need];
}

/** How many agents fit into what is left; Infinity where they need nothing of it. */
export function agentsWithin(left: number, each: number): number {
  if (each <= 0) return Number.POSITIVE_INFINITY;
  // A quotient of measured averages may miss a whole number by a rounding error.
  return Math.max(0, Math.floor(left / each + 1e-9));
}

/** A finding that no count of agents comes into. */
export function remark(
  verdict: LimitVerdict,
  finding: Pick<Finding, 'limit' | 'source' | 'why' | 'fix'> &
    Partial<Pick<Finding, 'needed' | 'have' | 'unit'>>,
): Finding {
  return { needed: null, have: null, ...finding, verdict, agentsMax: null };
}

/** The file that a sysctl is read from. */
export function sysctlSource(name: SysctlName): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/** How a sysctl of the drop-in is raised, for now and for every boot. */
export function sysctlFix(name: SysctlName, value: string | number): string {
  return `${byHandFix(name, value)}; fleetctl install does both`;
}

/** The same for one that fleetctl install leaves alone: it is not in the drop-in, or would have to be lowered. */
export function byHandFix(name: SysctlName, value: string | number): string {
  return `sysctl -w ${name}='${value}', and the same line in /etc/sysctl.d/60-fleetd.conf`;
}
