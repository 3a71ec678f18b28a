import { FleetError } from '../../errors/fleet-error.ts';
import { type Allowed, allowedSlots, type SlotUsers } from '../../fleet/strays/placement.ts';
import type { Users } from '../../host/host.ts';
import type { Spec } from '../../specification/spec.ts';
import { accountFor } from '../fleet/launch.ts';

/** The data of a stray that decides where it may be adopted. */
export interface StrayUser {
  /** Real, effective, saved. */
  uids: readonly number[];
  /** The slot whose port it holds; null if it holds none. */
  slot: number | null;
}

/**
 * The slots of a fleet that a process may be adopted into, by the user that it runs as, or why there are none.
 * @returns the slots, and the reason; null if there is a slot for it
 */
export function judgeUser(
  users: Users,
  spec: Spec,
  { uids, slot }: StrayUser,
): { allowed: Allowed; refused: string | null } {
  const none = (refused: string) => ({ allowed: 'none', refused }) as const;
  const slotUsers = usersOf(users, spec);
  if (typeof slotUsers === 'string') return none(slotUsers);
  const allowed = allowedSlots(uids, slotUsers);
  if (allowed === 'none')
    return none(`it runs as ${nameAll(users, uids)}, but ${slotsRunAs(users, spec.name, slotUsers, slot)}`);
  if (allowed !== 'any' && slot !== null && slot !== allowed) {
    return none(
      `it holds the port of slot ${slot} of ${spec.name}, which runs as ${nameOf(users, userOf(slotUsers, slot))}, but runs as ` +
        `${nameAll(users, uids)}, the user of slot ${allowed}`,
    );
  }
  return { allowed, refused: null };
}

/** The users of slots; the reason if they cannot be determined. */
function usersOf(users: Users, { user }: Spec): SlotUsers | string {
  if (user && 'base' in user) return user;
  try {
    return { uid: (accountFor(users, user, 0) ?? users.own).uid };
  } catch (error) {
    if (error instanceof FleetError) return error.message;
    throw error;
  }
}

function slotsRunAs(users: Users, fleet: string, slotUsers: SlotUsers, slot: number | null): string {
  if ('uid' in slotUsers) return `${fleet} runs its agents as ${nameOf(users, slotUsers.uid)}`;
  return slot === null
    ? `slot N of ${fleet} runs as uid ${slotUsers.base} + N`
    : `slot ${slot} of ${fleet}, whose port it holds, runs as ${nameOf(users, userOf(slotUsers, slot))}`;
}

const userOf = (users: SlotUsers, slot: number): number => ('uid' in users ? users.uid : users.base + slot);

function nameAll(users: Users, uids: readonly number[]): string {
  return [...new Set(uids)].map((uid) => nameOf(users, uid)).join(' and ') || 'an unknown user';
}

function nameOf(users: Users, uid: number): string {
  const { name } = users.of(uid, uid);
  return name === null ? `uid ${uid}` : `uid ${uid} (${name})`;
}
