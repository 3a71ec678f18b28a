import type { Demand } from '../demand.ts';
import { OWN_DESCRIPTORS } from '../descriptors.ts';
import { type HostFacts, sysctlNumber } from '../facts.ts';
import { type Finding, type Judge, judgeShared, remark, sysctlFix, sysctlSource } from '../finding.ts';
import { sysctlSettings } from '../sysctl.ts';

const SUPERVISOR_FIX =
  'LimitNOFILE= of the unit that starts fleetd; in a session ulimit -Hn, or nofile in /etc/security/limits.conf';

/** RLIMIT_NOFILE of the supervisor, which holds a pidfd for each agent of every fleet. Node raises soft to hard. */
export const supervisorFiles: Judge = ({ agents, others }, { rlimits }) => {
  const have = rlimits.nofile.hard;
  if (!Number.isFinite(have)) return [];
  const agentsMax = Math.max(0, have - OWN_DESCRIPTORS - others);
  const beside = others > 0 ? `, ${others} for other fleets` : '';
  return [
    {
      limit: 'RLIMIT_NOFILE',
      verdict: agents > agentsMax ? 'fail' : 'ok',
      needed: agents + others + OWN_DESCRIPTORS,
      have,
      source: 'ulimit -Hn of what starts fleetd',
      why: `The supervisor needs an open file for each agent${beside}, and ${OWN_DESCRIPTORS} of its own.`,
      fix: agents > agentsMax ? `${SUPERVISOR_FIX}; then start fleetd again` : null,
      agentsMax,
    },
  ];
};

/** What an agent may have open: the spec's limit must be within the hard one, and enough for what agents have open. */
export const agentFiles: Judge = ({ nofile, likely, basis }, { rlimits, nofileOfAgents }) => {
  const hard = rlimits.nofile.hard;
  const limit = 'resources.nofile';
  if (nofile !== null && nofile > hard) {
    const why = 'No process gets a soft limit above the hard one of who starts it.';
    const fix = `lower resources.nofile to ${hard}, or raise ${SUPERVISOR_FIX}`;
    return [
      remark('fail', {
        limit,
        needed: nofile,
        have: hard,
        source: 'ulimit -Hn of what starts fleetd',
        why,
        fix,
      }),
    ];
  }
  const have = nofile ?? nofileOfAgents;
  if (!Number.isFinite(have)) return [];
  const needed = Math.ceil(likely.files);
  const verdict = needed > have ? 'warn' : 'ok';
  return [
    remark(verdict, {
      limit,
      needed,
      have,
      source: nofile === null ? 'ulimit -Sn of what starts fleetd' : 'the spec',
      why: `An agent has so many files open (${basis.files}).`,
      fix: verdict === 'ok' ? null : `set resources.nofile to ${2 * needed} or more`,
    }),
  ];
};

/** fs.file-max: open files of all processes. Who has CAP_SYS_ADMIN is not bound (fs/file_table.c). */
export const fileMax: Judge = (demand, facts) => {
  const have = sysctlNumber(facts, 'fs.file-max');
  if (have === null) return [];
  const isBound = facts.uid !== 0 || demand.user !== null;
  return [
    judgeShared(demand, {
      limit: 'fs.file-max',
      have,
      used: facts.used.files,
      need: 'files',
      source: sysctlSource('fs.file-max'),
      why: `All open files of the host: ${Math.ceil(demand.likely.files)} an agent (${demand.basis.files})${isBound ? '' : '; root is not bound, everybody else is'}.`,
      fix: settingFix(demand, facts, 'fs.file-max'),
      isHard: isBound,
    }),
  ];
};

/** fs.nr_open bounds every RLIMIT_NOFILE that is set from now on (kernel/sys.c). */
export const nrOpen: Judge = (demand, facts) => {
  const have = sysctlNumber(facts, 'fs.nr_open');
  if (have === null) return [];
  const needed = Math.max(demand.agents + demand.others + OWN_DESCRIPTORS, demand.nofile ?? 0);
  const isShort = needed > have;
  const finding: Finding = {
    limit: 'fs.nr_open',
    verdict: isShort ? 'fail' : 'ok',
    needed,
    have,
    source: sysctlSource('fs.nr_open'),
    why: 'No process can have more open files: not the supervisor, with one for each agent, nor an agent.',
    fix: isShort ? settingFix(demand, facts, 'fs.nr_open') : null,
    agentsMax: Math.max(0, have - demand.others - OWN_DESCRIPTORS),
  };
  return [finding];
};

/** Inotify instances and watches are counted by user (inotify(7)); slots with users of their own share nothing. */
export const inotify: Judge = (demand, facts) =>
  (['instances', 'watches'] as const).flatMap((what) => {
    const name = `fs.inotify.max_user_${what}` as const;
    const have = sysctlNumber(facts, name);
    if (have === null || (demand.user !== null && 'base' in demand.user)) return [];
    const need = what === 'instances' ? 'inotifyInstances' : 'inotifyWatches';
    const isKnown = demand.basis[need] !== 'assumed';
    const source = sysctlSource(name);
    const fix = settingFix(demand, facts, name);
    if (!isKnown) {
      const isShort = what === 'instances' && demand.agents > have;
      const why =
        'Counted by user. Whether agents use inotify shows once they run; where each does, one is needed for each.';
      const needed = what === 'instances' ? demand.agents : null;
      return [
        remark(isShort ? 'warn' : 'ok', {
          limit: name,
          needed,
          have,
          source,
          why,
          fix: isShort ? fix : null,
        }),
      ];
    }
    const used = demand.running * demand.least[need];
    const why = `Counted by user: ${Math.round(demand.likely[need] * 10) / 10} an agent (${demand.basis[need]}).`;
    return [judgeShared(demand, { limit: name, have, used, need, source, why, fix, isHard: false })];
  });

function settingFix(
  demand: Demand,
  facts: HostFacts,
  name: 'fs.file-max' | 'fs.nr_open' | `fs.inotify.max_user_${'instances' | 'watches'}`,
): string {
  return sysctlFix(name, sysctlSettings(demand, facts).find(({ key }) => key === name)!.value);
}
