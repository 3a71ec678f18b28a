import { decode, libc } from './libc.ts';

/** A user as agents run under it. */
export interface Account {
  uid: number;
  gid: number;
  /** Null for a uid without an entry in the user database: it has no supplementary groups. */
  name: string | null;
  home: string;
}

/** struct passwd on 64-bit Linux: name, password, uid, gid, gecos, home, shell. */
const FIELD = { name: 0, uid: 16, gid: 20, home: 32 } as const;

function toAccount(entry: unknown): Account | null {
  if (!entry) return null;
  return {
    name: decode(entry, FIELD.name, 'char *') as string,
    uid: decode(entry, FIELD.uid, 'uint32') as number,
    gid: decode(entry, FIELD.gid, 'uint32') as number,
    home: decode(entry, FIELD.home, 'char *') as string,
  };
}

/** Looks a user up by name in whatever the host uses (files, LDAP …: getpwnam(3)); null where there is none. */
export function findUser(name: string): Account | null {
  return toAccount(libc.getpwnam(name));
}

/** The account of a uid; one without an entry gets the root directory as home, as login(1) does. */
export function accountOf(uid: number, gid: number): Account {
  return toAccount(libc.getpwuid(uid)) ?? { uid, gid, name: null, home: '/' };
}
