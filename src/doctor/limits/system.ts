import type { SysctlValue } from '../facts.ts';
import { type Finding, type Judge, remark } from '../finding.ts';

/** The first systemd with drop-ins for all user-UID.slice (user-.slice.d), and without UserTasksMax=. */
const SYSTEMD_USER_SLICE = 239;
const STARTUPS_SHOWN = 10;

/** Namespaces hide limits that bind from outside, and a container's cgroup is not the root of the tree. */
export const namespaces: Judge = (_demand, facts) => {
  if (facts.namespaces.length === 0) return [];
  const kind = facts.container === null ? '' : ` (${facts.container})`;
  return [
    remark('warn', {
      limit: 'namespaces',
      have: facts.namespaces.join(', '),
      source: '/proc/self/ns',
      why: `This is not the whole host${kind}: limits that are set outside, on its cgroup above all, bind as well and cannot be seen from here.`,
      fix: 'run fleetctl doctor outside too, and start the container with --pids-limit=-1 and --ulimit nofile=…',
    }),
  ];
};

/** systemd's version with the traps that belong to it. */
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
        why: 'Before 239 there are no drop-ins for user-.slice: logind gives each user’s slice its TasksMax.',
        fix: 'set UserTasksMax=infinity in /etc/systemd/logind.conf, and log in again',
      }),
    );
  } else if (userTasksMax) {
    findings.push(
      remark('warn', {
        limit: 'UserTasksMax',
        have: userTasksMax.text,
        source: place(userTasksMax),
        why: 'systemd 239 and newer take no notice of it.',
        fix: '/etc/systemd/system/user-.slice.d/60-fleetd.conf with [Slice] TasksMax=infinity, which fleetctl install writes',
      }),
    );
  }
  if (limitsConf) {
    findings.push(
      remark('warn', {
        limit: 'limits.conf',
        have: limitsConf.text,
        source: place(limitsConf),
        why: 'It holds for sessions (pam_limits(8)) and does not reach services.',
        fix: 'LimitNOFILE= and LimitNPROC= in the unit that starts fleetd; the one of fleetctl install has them',
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
      why: 'Without it a user’s services are stopped when the last session ends, and do not start at boot.',
      fix: lingers ? null : 'loginctl enable-linger',
    }),
  ];
};

/** Processes that look like the fleet's agents and are none: they hold ports, memory and pids. */
export const strays: Judge = (_demand, { survey }) => {
  if (survey === null || survey.lookAlikes.length === 0) return [];
  const pids = survey.lookAlikes;
  return [
    remark('warn', {
      limit: 'strays',
      needed: 0,
      have: pids.length,
      source: `pid ${pids.slice(0, 5).join(', ')}${pids.length > 5 ? ' …' : ''}`,
      why: 'These run the fleet’s executable, and the supervisor did not start them.',
      fix: 'fleetctl strays says who did; it adopts or kills them on demand',
    }),
  ];
};

/** Other scripts that start the fleet at boot: two of them are two truths about how many agents there should be. */
export const startups: Judge = (_demand, { survey }) =>
  (survey?.startups ?? []).slice(0, STARTUPS_SHOWN).map((startup) =>
    remark('warn', {
      limit: 'start-up script',
      have: startup.text,
      source: place(startup),
      why: 'It starts the fleet as well: with fleetctl spawn the last target wins, started in another way the agents are strays.',
      fix: 'keep one way of starting the fleet, and remove this line',
    }),
  );

function place({ file, line }: SysctlValue): string {
  return `${file}:${line}`;
}
