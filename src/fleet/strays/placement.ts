import { slotOfAddress } from '../../specification/addresses.ts';
import { portOf } from '../../specification/paths.ts';
import type { Spec } from '../../specification/spec.ts';

/** The slot that owns one of these ports, at its address if it has one; null if none does. */
export function slotOfPorts(
  { ports, addresses }: Pick<Spec, 'ports' | 'addresses'>,
  held: readonly { protocol: 'tcp' | 'udp'; port: number; address: string }[],
): number | null {
  if (ports === null) return null;
  for (const { protocol, port, address } of held) {
    if (port < ports.base || (ports.protocol ?? protocol) !== protocol) continue;
    if (addresses === null) return Math.floor((port - ports.base) / ports.perAgent);
    const slot = slotOfAddress(addresses, address);
    const first = slot === null ? null : portOf(ports, slot)!;
    if (first !== null && port >= first && port < first + ports.perAgent) return slot;
  }
  return null;
}

/** The users of slots: one for all, or `base` + its number for each. */
export type SlotUsers = { uid: number } | { base: number };

/** The slots that a process may be adopted into because of its user: any, one, or none. */
export type Allowed = 'any' | 'none' | number;

/**
 * The slots that a process may be adopted into: those that run as the same user. Otherwise the agent would have access
 * to what its slot has, and be restarted as another user.
 * @param uids its real, effective and saved uid: all that it can become counts
 */
export function allowedSlots(uids: readonly number[], users: SlotUsers): Allowed {
  const [uid] = uids;
  if (uid === undefined || uids.some((other) => other !== uid)) return 'none';
  if ('uid' in users) return uid === users.uid ? 'any' : 'none';
  return uid >= users.base ? uid - users.base : 'none';
}

/**
 * Chooses the slot that each stray is adopted into: the one whose port it holds, if that is free, otherwise the lowest
 * free one. Those that hold a port choose first. If its user allows only one slot, it is that one.
 * @param isFree whether nothing runs in a slot, and nothing is about to
 * @returns slots in the order of the strays; null if a stray may be in none, or its only slot is not free
 */
export function placeStrays(
  strays: readonly { slot: number | null; allowed: Allowed }[],
  isFree: (slot: number) => boolean,
): (number | null)[] {
  const taken = new Set<number>();
  const places = strays.map(({ slot: held, allowed }) => {
    const slot = allowed === 'any' ? held : allowed;
    if (slot === null || slot === 'none' || taken.has(slot) || !isFree(slot)) return null;
    taken.add(slot);
    return slot;
  });
  let next = 0;
  return places.map((place, i) => {
    if (place !== null || strays[i]!.allowed !== 'any') return place;
    while (taken.has(next) || !isFree(next)) next++;
    return next++;
  });
}

/**
 * Leaves out strays that another stray of the same fleet has forked: they go with it.
 * @param parentOf the parent of a process; 0 or null at the top
 * @returns each stray with its workers
 */
export function topmost<T extends { pid: number }>(
  alike: readonly T[],
  parentOf: (pid: number) => number | null,
): { stray: T; workers: number[] }[] {
  const byPid = new Map(alike.map((stray) => [stray.pid, { stray, workers: [] as number[] }]));
  const tops = [];
  for (const { pid } of alike) {
    let top: number | null = null;
    let at = parentOf(pid);
    // Parents read one after the other may be from different moments; the maximum bounds a circle.
    for (let depth = 0; at && depth < ANCESTORS_MAX; depth++, at = parentOf(at)) if (byPid.has(at)) top = at;
    if (top === null || top === pid) tops.push(byPid.get(pid)!);
    else byPid.get(top)!.workers.push(pid);
  }
  return tops;
}

/**
 * Assigns processes that match several fleets with the same program: to the fleet whose slot's port it holds; if there
 * is none, to the one that was asked about; otherwise to the first.
 * @param asked the fleet that is asked about; null for all
 */
export function chooseFleets<T extends { fleet: string; pid: number; slot: number | null }>(
  claims: readonly T[],
  asked: string | null,
): T[] {
  return [...Map.groupBy(claims, ({ pid }) => pid).values()].flatMap((ofOne) => {
    const holding = ofOne.filter(({ slot }) => slot !== null);
    const eligible = holding.length > 0 ? holding : ofOne;
    return asked === null ? eligible.slice(0, 1) : eligible.filter(({ fleet }) => fleet === asked);
  });
}

/** The maximum length of a chain of parents. */
export const ANCESTORS_MAX = 64;
