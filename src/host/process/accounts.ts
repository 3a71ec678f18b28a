/** The account that an agent runs as. */
export interface Account {
  uid: number;
  gid: number;
  /** Null for a uid without an entry in the user database: it has no supplementary groups. */
  name: string | null;
  home: string;
}

/** The users of the host's user database. */
export interface Users {
  /** The supervisor's own user. */
  readonly own: Account;
  /** A user by name; null if there is none. */
  find(name: string): Account | null;
  /** The account of a uid; one without an entry gets the root directory as home, as login(1) does. */
  of(uid: number, gid: number): Account;
  /** The ids of a user's groups, the user's own among them. */
  groupsOf(name: string, gid: number): number[];
  /** The id of a group by its name; null if there is none. */
  findGroup(name: string): number | null;
}

/** The part of every agent's environment that comes from this host, whoever started the supervisor. */
export interface Locale {
  /** LANG. */
  language: string;
  /** TZ, by its name in the zone database. */
  timeZone: string;
}
