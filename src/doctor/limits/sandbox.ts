import type { Demand } from '../demand.ts';
import { type HostFacts, type SysctlName, sysctlNumber } from '../facts.ts';
import { byHandFix, type Finding, type Judge, remark, sysctlSource } from '../finding.ts';

const LIMIT = 'sandbox';
/** Room for the namespaces of other programs, which cannot be counted. */
const OTHERS = 100;

/** What agents with a sandbox need of the host: bubblewrap, and without root the right to make user namespaces. */
export const sandbox: Judge = (demand, facts) => {
  if (demand.sandbox === null) return [];
  if (facts.bubblewrap === null)
    return [
      remark('fail', {
        limit: LIMIT,
        needed: 'bubblewrap',
        have: 'none',
        source: '/usr/bin/bwrap',
        why: 'bubblewrap gives agents their sandbox.',
        fix: 'apt-get install bubblewrap, or take sandbox out of the spec',
      }),
    ];
  return facts.uid === 0 ? [] : [...forbidden(facts), ...capabilityFindings(demand)];
};

/** Agents with a sandbox have namespaces of their own; the kernel counts these for each user (namespaces(7)). */
export const ownNamespaces: Judge = (demand, facts) => {
  const inside = (demand.parts ?? [demand]).filter(({ sandbox }) => sandbox !== null);
  const agents = inside.reduce((sum, part) => sum + part.agents, 0);
  if (inside.length === 0) return [];
  return [
    ...enough(agents, facts, 'user.max_mnt_namespaces'),
    ...(facts.uid === 0 ? [] : enough(agents, facts, 'user.max_user_namespaces')),
  ];
};

/** Distributions forbid user namespaces to ordinary users in two ways; zero of them (below) is the third. */
function forbidden(facts: HostFacts): Finding[] {
  const isOff = sysctlNumber(facts, 'kernel.unprivileged_userns_clone') === 0;
  const isRestricted = sysctlNumber(facts, 'kernel.apparmor_restrict_unprivileged_userns') === 1;
  if (!isOff && !isRestricted) return [];
  const name = isOff ? 'kernel.unprivileged_userns_clone' : 'kernel.apparmor_restrict_unprivileged_userns';
  return [
    remark(isOff ? 'fail' : 'warn', {
      limit: LIMIT,
      have: `${name} = ${isOff ? 0 : 1}`,
      source: sysctlSource(name),
      why: isOff
        ? 'Without root a sandbox is a user namespace, and this host allows these to root only.'
        : 'Without root a sandbox is a user namespace, and this host allows these only to programs with an AppArmor profile for it.',
      fix: isOff
        ? `${byHandFix(name, 1)}; or run the supervisor as root`
        : 'give bwrap a profile with userns, or run the supervisor as root',
    }),
  ];
}

function capabilityFindings({ process }: Demand): Finding[] {
  if ((process?.capabilities ?? []).length === 0) return [];
  return [
    remark('fail', {
      limit: LIMIT,
      needed: 'root',
      have: 'an ordinary user',
      source: 'the user of the supervisor',
      why: 'A user namespace has no capabilities of the host, so process.capabilities and sandbox together need root.',
      fix: 'run the supervisor as root, or take one of the two out of the spec',
    }),
  ];
}

function enough(agents: number, facts: HostFacts, name: SysctlName): Finding[] {
  const have = sysctlNumber(facts, name);
  if (have === null) return [];
  const needed = agents + OTHERS;
  const isEnough = have >= needed;
  return [
    {
      limit: name,
      verdict: isEnough ? 'ok' : have < agents ? 'fail' : 'warn',
      needed,
      have,
      source: sysctlSource(name),
      why: 'Each agent with a sandbox has a namespace of its own.',
      fix: isEnough ? null : byHandFix(name, 2 * needed),
      agentsMax: Math.max(0, have - OTHERS),
    },
  ];
}
