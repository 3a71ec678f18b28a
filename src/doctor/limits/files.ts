import { LIMIT_DEFAULTS } from '../../specification/limits.ts';
import type { Demand } from '../demand.ts';
import { OWN_DESCRIPTORS } from '../descriptors.ts';
import { type HostFacts, sysctlNumber } from '../facts.ts';
import { type Finding, type Judge, judgeShared, remark, sysctlFix, sysctlSource } from '../finding.ts';
import { sysctlSettings } from '../sysctl.ts';

const NOFILE_DEFAULT = LIMIT_DEFAULTS.nofile as number;
const SUPERVISOR_LIMIT =
  'LimitNOFILE= of the unit that starts fleetd; in a session ulimit -Hn, or nofile in /etc/security/limits.conf';

/** RLIMIT_NOFILE of the supervisor, which has a pidfd per agent of every fleet. Node raises the soft limit to the hard one. */
export const supervisorFiles: Judge = ({ agents, others }, { rlimits }) => {
  const have = rlimits.nofile.hard;
  if (!Number.isFinite(have)) return [];
  const agentsMax = Math.max(0, have - OWN_DESCRIPTORS - others);
  const elsewhere = others > 0 ? `, ${others} for other fleets` : '';
  return [
    {
      limit: 'RLIMIT_NOFILE',
      verdict: agents > agentsMax ? 'fail' : 'ok',
      needed: agents + others + OWN_DESCRIPTORS,
      have,
      source: 'ulimit -Hn of the process that starts fleetd',
      why: `The supervisor needs an open file per agent${elsewhere}, and ${OWN_DESCRIPTORS} of its own.`,
      fix: agents > agentsMax ? `raise ${SUPERVISOR_LIMIT}; then start fleetd again` : null,
      agentsMax,
    },
  ];
};

/** The open files of an agent: the spec's limit must be within the hard limit, and sufficient for the agent. */
export const agentFiles: Judge = ({ nofile, likely, basis }, facts) => {
  const { hard } = facts.rlimits.nofile;
  const limit = 'resources.nofile';
  // nrOpen judges what binds even those that may exceed it (getrlimit(2)).
  const mayExceed = facts.inherited.capabilities.includes('SYS_RESOURCE');
  if (nofile !== null && nofile > hard && !mayExceed) {
    const why =
      'Only a supervisor with CAP_SYS_RESOURCE, as root has it, can exceed the hard limit of the process that starts it.';
    const fix = `lower resources.nofile to ${hard}, or raise ${SUPERVISOR_LIMIT}`;
    return [
      remark('fail', {
        limit,
        needed: nofile,
        have: hard,
        source: 'ulimit -Hn of the process that starts fleetd',
        why,
        fix,
      }),
    ];
  }
  const have = nofile ?? Math.min(NOFILE_DEFAULT, hard);
  const needed = Math.ceil(likely.files);
  const verdict = needed > have ? 'warn' : 'ok';
  return [
    remark(verdict, {
      limit,
      needed,
      have,
      source: nofile === null ? 'the default of a system service' : 'the spec',
      why: `The number of files that an agent has open (${basis.files}).`,
      fix: verdict === 'ok' ? null : `set resources.nofile to ${2 * needed} or more`,
    }),
  ];
};

/** fs.file-max: open files of all processes. It does not bind processes with CAP_SYS_ADMIN (fs/file_table.c). */
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
      why: `All open files of the host: ${Math.ceil(demand.likely.files)} per agent (${demand.basis.files})${isBound ? '' : '; it binds every user except root'}.`,
      fix: settingFix(demand, facts, 'fs.file-max'),
      isHard: isBound,
    }),
  ];
};

/** fs.nr_open bounds every RLIMIT_NOFILE when it is set (kernel/sys.c). */
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
    why: 'No process can have more open files: neither the supervisor, which has one per agent, nor an agent.',
    fix: isShort ? settingFix(demand, facts, 'fs.nr_open') : null,
    agentsMax: Math.max(0, have - demand.others - OWN_DESCRIPTORS),
  };
  return [finding];
};

/** Inotify instances and watches are counted per user (inotify(7)); slots with users of their own do not share them. */
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
        'Counted per user. Whether agents use inotify is unknown until they run; if they do, each needs at least one.';
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
    const why = `Counted per user: ${Math.round(demand.likely[need] * 10) / 10} per agent (${demand.basis[need]}).`;
    return [judgeShared(demand, { limit: name, have, used, need, source, why, fix, isHard: false })];
  });

function settingFix(
  demand: Demand,
  facts: HostFacts,
  name: 'fs.file-max' | 'fs.nr_open' | `fs.inotify.max_user_${'instances' | 'watches'}`,
): string {
  return sysctlFix(name, sysctlSettings(demand, facts).find(({ key }) => key === name)!.value);
}
