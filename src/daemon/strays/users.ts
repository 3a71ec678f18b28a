import { FleetError } from '../../errors/fleet-error.ts';
import { type Allowed, allowedSlots, type SlotUsers } from '../../fleet/strays/placement.ts';
import { accountOf } from '../../host/process/users.ts';
import type { Spec } from '../../specification/spec.ts';
import { accountFor } from '../fleet/launch.ts';

/** A stray by what decides where it may be adopted. */
export interface StrayUser {
  /** Real, effective, saved. */
  uids: readonly number[];
  /** The slot whose port it holds; null where it holds none. */
  slot: number | null;
}

/**
 * Into which slots of a fleet a process may be adopted, by the user that it runs as, and why into none.
 * @returns the slots, and the reason; null where there is a slot for it
 */
export function judgeUser(
  spec: Spec,
  { uids, slot }: StrayUser,
): { allowed: Allowed; refused: string | null } {
  const none = (refused: string) => ({ allowed: 'none', refused }) as const;
  const users = usersOf(spec);
  if (typeof users === 'string') return none(users);
  const allowed = allowedSlots(uids, users);
  if (allowed === 'none')
    return none(`it runs as ${nameAll(uids)}, and ${slotsRunAs(spec.name, users, slot)}`);
  if (allowed !== 'any' && slot !== null && slot !== allowed) {
    return none(
      `it holds the port of slot ${slot} of ${spec.name}, which runs as ${nameOf(userOf(users, slot))}, and runs as ` +
        `${nameAll(uids)}, the user of slot ${allowed}`,
    );
  }
  return { allowed, refused: null };
}

/** Whom slots run as; words where that cannot be told. */
function usersOf({ user }: Spec): SlotUsers | string {
  if (user && 'base' in user) return user;
  try {
    return { uid: accountFor(user, 0)?.uid ?? process.getuid!() };
  } catch (error) {
    if (error instanceof FleetError) return error.message;
    throw error;
  }
}

function slotsRunAs(fleet: string, users: SlotUsers, slot: number | null): string {
  if ('uid' in users) return `${fleet} runs its agents as ${nameOf(users.uid)}`;
  return slot === null
    ? `slot N of ${fleet} runs as uid ${users.base} + N`
    : `slot ${slot} of ${fleet}, whose port it holds, runs as ${nameOf(userOf(users, slot))}`;
}

const userOf = (users: SlotUsers, slot: number): number => ('uid' in users ? users.uid : users.base + slot);

function nameAll(uids: readonly number[]): string {
  return [...new Set(uids)].map(nameOf).join(' and ') || 'nobody that is left';
}

function nameOf(uid: number): string {
  const { name } = accountOf(uid, uid);
  return name === null ? `uid ${uid}` : `uid ${uid} (${name})`;
}
