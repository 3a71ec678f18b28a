import { chmodSync, chownSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { decode, libc } from '../sys/libc.ts';

/** A group of the host. */
export interface Group {
  /** As it was named: a name, or a number. */
  name: string;
  gid: number;
}

/** The offset of the gid in struct group on 64-bit Linux, after the pointers to name and password: getgrnam(3). */
const GID_AT = 16;
/** The highest gid means "no change" to chown(2). */
const GID_MAX = 2 ** 32 - 2;

/**
 * The group that FLEETD_GROUP names, by its name in the host's databases or by its number.
 * @throws FleetError GROUP_UNUSABLE if there is none
 */
export function findGroup(named: string): Group {
  if (/^\d+$/.test(named) && Number(named) <= GID_MAX) return { name: named, gid: Number(named) };
  const entry: unknown = libc.getgrnam(named);
  if (entry) return { name: named, gid: decode(entry, GID_AT, 'uint32') as number };
  throw new FleetError('GROUP_UNUSABLE', `FLEETD_GROUP is "${named}", and this host has no such group`, {
    hint: `Create it (groupadd --system ${named}), or name one that getent group lists.`,
  });
}

/**
 * Checks that members of a group can pass through to a directory, and through it. Who belongs to a directory's group is
 * judged by the bits for the group, everybody else by those for others: inode(7). Access control lists are not looked at.
 * @throws FleetError GROUP_UNUSABLE if a directory on the way keeps them out
 */
export function checkReach(directory: string, { name, gid }: Group): void {
  for (const path of new Set([...wayTo(realpathSync(directory)), ...wayTo(directory)])) {
    const { gid: group, mode } = statSync(path);
    if ((mode & (group === gid ? 0o010 : 0o001)) !== 0) continue;
    const found = `${path} has mode ${(mode & 0o7777).toString(8)} and group ${group}`;
    throw new FleetError('GROUP_UNUSABLE', `group ${name} cannot reach ${directory}: ${found}`, {
      hint: `Run chgrp ${name} ${path} && chmod g+x ${path}, set FLEETD_RUNTIME_DIR to a directory that the group can reach, or unset FLEETD_GROUP.`,
    });
  }
}

function* wayTo(path: string): Generator<string> {
  yield path;
  if (path !== dirname(path)) yield* wayTo(dirname(path));
}

/**
 * Lets the members of a group connect to a socket.
 * @throws FleetError GROUP_UNUSABLE if this process may not give a file to that group
 */
export function openToGroup(path: string, { name, gid }: Group): void {
  try {
    chownSync(path, process.getuid!(), gid);
  } catch (cause) {
    throw new FleetError(
      'GROUP_UNUSABLE',
      `${path} cannot be given to group ${name}: ${(cause as Error).message}`,
      {
        hint: 'Name a group that the user of the supervisor is in, or run the supervisor as root.',
        cause,
      },
    );
  }
  chmodSync(path, 0o660);
}
