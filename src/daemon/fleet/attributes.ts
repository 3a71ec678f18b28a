import { FleetError } from '../../errors/fleet-error.ts';
import type { Account, Launch, Limits, Sandbox, User, Users } from '../../host/host.ts';
import { CAPABILITIES } from '../../specification/capabilities.ts';
import { cpusOf } from '../../specification/groups/process.ts';
import type { LimitName, Spec } from '../../specification/spec.ts';

/** The I/O classes of ioprio_set(2), and the priority within one that is written without it (IOPRIO_NORM). */
const IO_CLASS: Readonly<Record<string, number>> = { realtime: 1, 'best-effort': 2, idle: 3 };
const IO_CLASS_SHIFT = 13;
const IO_PRIORITY_USUAL = 4;

/** The keys of a spec that become attributes of its processes. */
type Sources = Pick<Spec, 'process' | 'limits' | 'resources'>;

/** The attributes of the processes of a spec, as a launch has them; absent: those of a system service. */
export function attributesOf({ process, limits, resources }: Sources): Partial<Launch> {
  const { nice, ionice, cpus, umask, oomScoreAdj, capabilities } = process;
  const nofile = resources?.nofile ?? null;
  return {
    umask: Number.parseInt(umask, 8),
    oomScoreAdj,
    ...(limits !== null && { limits: limitsOf(limits) }),
    ...(nofile !== null && { nofile }),
    ...(nice !== null && { nice }),
    ...(ionice !== null && { ioPriority: ioPriorityOf(ionice) }),
    ...(cpus !== null && { cpus: cpusOf(cpus) }),
    ...(capabilities.length > 0 && { capabilities: capabilities.map((name) => CAPABILITIES.indexOf(name)) }),
  };
}

/** The directories that a private /tmp stands for, as with PrivateTmp= of systemd. */
const TMP = ['/tmp', '/var/tmp'];

/**
 * The sandbox of the processes of a slot; none if the spec has none, or one that takes nothing away.
 * @param places.own the directories of the slot, which stay writable
 * @param places.visible what it needs even if it lies in /tmp
 */
export function sandboxOf(
  sandbox: Spec['sandbox'],
  { own, visible, pathOf }: { own: string[]; visible: string[]; pathOf: (template: string) => string },
): { sandbox?: Sandbox } {
  if (sandbox === null) return {};
  const { readOnly, tmp, writable } = sandbox;
  const isPrivate = tmp === 'private';
  if (!readOnly && !isPrivate) return {};
  // What lies in its own directories is there and writable anyway, and the agent may have replaced it with a link.
  const isElsewhere = (path: string) => !own.some((each) => path.startsWith(`${each}/`));
  return {
    sandbox: {
      readOnly,
      writable: [...own, ...writable.map(pathOf).filter(isElsewhere), ...(isPrivate ? [] : TMP)],
      emptied: isPrivate ? TMP : [],
      visible: visible.filter(isElsewhere),
    },
  };
}

/**
 * The user and the groups of a launch; none if they are the supervisor's own. A uid that is not in the user database has no
 * groups except its own and those of the spec.
 * @throws FleetError USER_UNKNOWN, or PRIVILEGE_MISSING if that needs root
 */
export function userOf(
  users: Users,
  account: Account | null,
  { group, groups }: Pick<Spec['process'], 'group' | 'groups'>,
): { user?: User } {
  const isOwn = account === null && group === null && groups === null;
  if (isOwn) return {};
  if (account === null && users.own.uid !== 0)
    throw new FleetError(
      'PRIVILEGE_MISSING',
      `process.${group === null ? 'groups' : 'group'}: only root can change the groups of agents`,
    );
  const { uid, gid, name } = account ?? users.own;
  const usual = name === null ? [] : users.groupsOf(name, gid);
  const further = (groups ?? []).map((each) => gidOf(users, each, 'process.groups'));
  return {
    user: {
      uid,
      gid: group === null ? gid : gidOf(users, group, 'process.group'),
      groups: [...new Set([...usual, ...further])],
    },
  };
}

function gidOf(users: Users, name: string, where: string): number {
  const gid = users.findGroup(name);
  if (gid !== null) return gid;
  throw new FleetError('USER_UNKNOWN', `${where}: there is no group "${name}" on this host`, {
    hint: `Create it (groupadd --system ${name}), or name one that getent group lists.`,
  });
}

/** The limits that a spec sets, soft and hard. */
function limitsOf(limits: NonNullable<Spec['limits']>): Limits {
  return Object.fromEntries(
    (Object.keys(limits) as LimitName[]).flatMap((name) => {
      const value = limits[name];
      if (value === null) return [];
      const limit = value === 'unlimited' ? Number.POSITIVE_INFINITY : value;
      return [[name, { soft: limit, hard: limit }]];
    }),
  );
}

/** @param ionice a class, and its priority after a colon */
function ioPriorityOf(ionice: string): number {
  const [name, priority] = ionice.split(':') as [string, string?];
  const data = name === 'idle' ? 0 : Number(priority ?? IO_PRIORITY_USUAL);
  return (IO_CLASS[name]! << IO_CLASS_SHIFT) | data;
}
