import type { Startup, SysctlValue } from '../facts.ts';
import { type Finding, type Judge, remark } from '../finding.ts';

/** The first version of systemd with drop-ins for all user-UID.slice (user-.slice.d), and without UserTasksMax=. */
const SYSTEMD_USER_SLICE = 239;
const STARTUPS_SHOWN = 10;
/** The number of further lines, or files, that a finding names. */
const LINES_SHOWN = 5;

/** Namespaces hide limits that are set outside, and a container's cgroup is not the root of the tree. */
export const namespaces: Judge = (_demand, facts) => {
  if (facts.namespaces.length === 0) return [];
  const kind = facts.container === null ? '' : ` (${facts.container})`;
  return [
    remark('warn', {
      limit: 'namespaces',
      have: facts.namespaces.join(', '),
      source: '/proc/self/ns',
      why: `This is not the whole host${kind}: limits that are set outside, mostly on its cgroup, also apply and are invisible here.`,
      fix: 'also run fleetctl doctor outside, and start the container with --pids-limit=-1 and --ulimit nofile=…',
    }),
  ];
};

/** The version of systemd, and settings that it ignores. */
export const systemd: Judge = (_demand, { survey }) => {
  if (!survey?.systemd) return [];
  const { version, userTasksMax, limitsConf } = survey.systemd;
  const findings: Finding[] = [];
  if (version !== null && version < SYSTEMD_USER_SLICE) {
    findings.push(
      remark('warn', {
        limit: 'systemd version',
        needed: SYSTEMD_USER_SLICE,
        have: version,
        source: 'systemd',
        why: "Before version 239 there are no drop-ins for user-.slice: logind sets TasksMax of each user's slice.",
        fix: 'set UserTasksMax=infinity in /etc/systemd/logind.conf, and log in again',
      }),
    );
  } else if (userTasksMax) {
    findings.push(
      remark('warn', {
        limit: 'UserTasksMax',
        have: userTasksMax.text,
        source: place(userTasksMax),
        why: 'systemd 239 and later ignore it.',
        fix: 'create /etc/systemd/system/user-.slice.d/60-fleetd.conf with [Slice] TasksMax=infinity, as fleetctl install does',
      }),
    );
  }
  if (limitsConf) {
    findings.push(
      remark('warn', {
        limit: 'limits.conf',
        have: limitsConf.text,
        source: place(limitsConf),
        why: 'It applies to sessions (pam_limits(8)), not to services.',
        fix: 'set LimitNOFILE= and LimitNPROC= in the unit that starts fleetd, as the one of fleetctl install does',
      }),
    );
  }
  return findings;
};

/** A user's services end with the last session, unless the user lingers (loginctl(1)). */
export const linger: Judge = (_demand, { survey }) => {
  const lingers = survey?.systemd?.linger;
  if (lingers === undefined || lingers === null) return [];
  return [
    remark(lingers ? 'ok' : 'warn', {
      limit: 'linger',
      needed: 'yes',
      have: lingers ? 'yes' : 'no',
      source: '/var/lib/systemd/linger',
      why: "Without it, a user's services stop when the last session ends, and do not start at boot.",
      fix: lingers ? null : 'loginctl enable-linger',
    }),
  ];
};

/** Processes that look like the fleet's agents but are none: they use ports, memory and pids. */
export const strays: Judge = (_demand, { survey }) => {
  if (survey === null || survey.lookAlikes.length === 0) return [];
  const pids = survey.lookAlikes;
  return [
    remark('warn', {
      limit: 'strays',
      needed: 0,
      have: pids.length,
      source: `pid ${pids.slice(0, 5).join(', ')}${pids.length > 5 ? ' …' : ''}`,
      why: "These processes run the fleet's executable, but the supervisor did not start them.",
      fix: 'fleetctl strays shows what started them; with --adopt or --kill, it adopts or kills them',
    }),
  ];
};

/** Other scripts that start the fleet at boot, and so compete for its target; each is one finding, whatever it has of it. */
export const startups: Judge = (_demand, { survey }) => {
  const scripts = [...Map.groupBy(survey?.startups ?? [], ({ file }) => file).values()];
  const more = scripts.slice(STARTUPS_SHOWN).map(([first]) => first!.file);
  return [
    ...scripts.slice(0, STARTUPS_SHOWN).map(startupScript),
    ...(more.length > 0 ? [moreScripts(more)] : []),
  ];
};

function startupScript(lines: readonly Startup[]): Finding {
  const [first, ...others] = lines;
  const numbers = others
    .slice(0, LINES_SHOWN)
    .map(({ line }) => `, ${line}`)
    .join('');
  return remark('warn', {
    limit: 'start-up script',
    have: others.length === 0 ? first!.text : `${first!.text} (the first of ${lines.length} such lines)`,
    source: `${place(first!)}${numbers}${others.length > LINES_SHOWN ? ' …' : ''}`,
    why: 'It also starts the fleet: if it uses fleetctl spawn, the last target wins; otherwise its agents are strays.',
    fix: `keep only one way to start the fleet, and remove ${others.length === 0 ? 'this line' : 'these lines'}`,
  });
}

function moreScripts(files: readonly string[]): Finding {
  return remark('warn', {
    limit: 'start-up script',
    have: `${files.length} more`,
    source: `${files.slice(0, LINES_SHOWN).join(', ')}${files.length > LINES_SHOWN ? ' …' : ''}`,
    why: 'They also start the fleet.',
    fix: 'keep only one way to start the fleet',
  });
}

function place({ file, line }: SysctlValue): string {
  return `${file}:${line}`;
}
