/** Which slot owns one of these ports; null where none does. */
export function slotOfPorts(
  owner: { base: number; perAgent: number; protocol: 'tcp' | 'udp' | null } | null,
  held: readonly { protocol: 'tcp' | 'udp'; port: number }[],
): number | null {
  if (owner === null) return null;
  for (const { protocol, port } of held) {
    if (port < owner.base || (owner.protocol ?? protocol) !== protocol) continue;
    return Math.floor((port - owner.base) / owner.perAgent);
  }
  return null;
}

/** Whom slots run as: all the same user, or each the user `base` + its number. */
export type SlotUsers = { uid: number } | { base: number };

/** The slots that a process may be adopted into by its user: any, just one, or none. */
export type Allowed = 'any' | 'none' | number;

/**
 * Which slots a process may be adopted into: those that run as it does. An agent of another user than its slot's would
 * have what its slot may have, and be started again as somebody else.
 * @param uids its real, effective and saved uid: what it can become counts as what it is
 */
export function allowedSlots(uids: readonly number[], users: SlotUsers): Allowed {
  const [uid] = uids;
  if (uid === undefined || uids.some((other) => other !== uid)) return 'none';
  if ('uid' in users) return uid === users.uid ? 'any' : 'none';
  return uid >= users.base ? uid - users.base : 'none';
}

/**
 * Chooses the slot that each stray is adopted into: the one whose port it holds, if that is free, else the lowest free
 * one. Those that hold a port choose first. Where only one slot may have it by its user, it is that one.
 * @param isFree whether nothing runs in a slot, and nothing is about to
 * @returns slots in the order of the strays; null for one that may be in none, or whose only slot is not free
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
 * Leaves out what another stray of the same fleet has forked: those go with it.
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
    // Parents read one after the other can be of different moments; their number bounds a circle.
    for (let depth = 0; at && depth < ANCESTORS_MAX; depth++, at = parentOf(at)) if (byPid.has(at)) top = at;
    if (top === null || top === pid) tops.push(byPid.get(pid)!);
    else byPid.get(top)!.workers.push(pid);
  }
  return tops;
}

/**
 * A process can look like agents of several fleets that run the same program: it is of the one whose slot's port it
 * holds; of one that is asked for by name, if none does; else of the first.
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

/** No chain of parents is followed further. */
export const ANCESTORS_MAX = 64;
