import { decode, libc } from '../sys/libc.ts';
import type { Account, Users } from './accounts.ts';

/** struct passwd on 64-bit Linux: name, password, uid, gid, gecos, home, shell. */
const FIELD = { name: 0, uid: 16, gid: 20, home: 32 } as const;

/** The offset of the gid in struct group on 64-bit Linux, after the pointers to name and password: getgrnam(3). */
const GID_AT = 16;

/** The initial room for groups; a user with more needs a second call. */
const GROUPS_FIRST = 64;

function toAccount(entry: unknown): Account | null {
  if (!entry) return null;
  return {
    name: decode(entry, FIELD.name, 'char *') as string,
    uid: decode(entry, FIELD.uid, 'uint32') as number,
    gid: decode(entry, FIELD.gid, 'uint32') as number,
    home: decode(entry, FIELD.home, 'char *') as string,
  };
}

/** Finds a user by name in the host's databases (files, LDAP …: getpwnam(3)); null if there is none. */
function findUser(name: string): Account | null {
  return toAccount(libc.getpwnam(name));
}

/** The account of a uid; one without an entry gets the root directory as home, as login(1) does. */
export function accountOf(uid: number, gid: number): Account {
  return toAccount(libc.getpwuid(uid)) ?? { uid, gid, name: null, home: '/' };
}

/** A user's groups as getgrouplist(3) finds them, the user's own among them. */
function groupsOf(name: string, gid: number): number[] {
  const count = new Int32Array([GROUPS_FIRST]);
  for (;;) {
    const groups = new Uint32Array(count[0]!);
    if (libc.getgrouplist(name, gid, groups, count) >= 0) return [...groups.subarray(0, count[0]!)];
  }
}

/** The id of a group by its name in the host's databases (getgrnam(3)); null if there is none. */
export function findGroup(name: string): number | null {
  const entry: unknown = libc.getgrnam(name);
  return entry ? (decode(entry, GID_AT, 'uint32') as number) : null;
}

/** The user database of this host. */
export const linuxUsers: Users = {
  own: accountOf(process.getuid!(), process.getgid!()),
  find: findUser,
  of: accountOf,
  groupsOf,
  findGroup,
};
