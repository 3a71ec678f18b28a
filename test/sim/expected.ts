import type { FleetRunner } from '../../src/daemon/fleet/runner.ts';

/** What users have been promised about a fleet: everything that was acknowledged, and nothing else. */
export interface Expected {
  wanted: ReadonlySet<number>;
  /** Whether a user holds it; null where only the supervisor can tell. */
  isHeld: boolean | null;
  /** The latest rollout. */
  rolloutId: number;
  /** An adoption is under way: so many slots more may be wanted, and only the supervisor can tell which. */
  growth: number;
  /** Slots that were promised a restart, and when: at rest their agents are younger. */
  renewedAt: ReadonlyMap<number, number>;
}

/** All fleets by their name. */
export type Promises = ReadonlyMap<string, Expected>;

/** What a command makes of what was promised, once it is acknowledged. */
export type Effect = (before: Promises) => Promises;

/** A command under way. */
export interface Pending {
  text: string;
  /** None other is issued until it is answered. */
  isAlone: boolean;
  effect: Effect;
}

const NONE: Expected = { wanted: new Set(), isHeld: false, rolloutId: 0, growth: 0, renewedAt: new Map() };

/** Changes what is promised of a fleet that there is, or is to be. */
export function ofFleet(name: string, change: (before: Expected) => Partial<Expected>): Effect {
  return (before) => {
    const its = before.get(name) ?? NONE;
    return new Map([...before, [name, { ...its, ...change(its) }]]);
  };
}

/** A target: the lowest free slots are filled, the highest are given up. */
export function toTarget(target: number): (before: Expected) => Pick<Expected, 'wanted' | 'renewedAt'> {
  return (before) => {
    const wanted = new Set(before.wanted);
    for (let slot = 0; wanted.size < target; slot++) wanted.add(slot);
    for (const slot of [...wanted].sort((a, b) => b - a)) if (wanted.size > target) wanted.delete(slot);
    return { wanted, renewedAt: only(before.renewedAt, wanted) };
  };
}

/** Just these slots are given up. */
export function without(
  slots: readonly number[],
): (before: Expected) => Pick<Expected, 'wanted' | 'renewedAt'> {
  return (before) => {
    const wanted = before.wanted.difference(new Set(slots));
    return { wanted, renewedAt: only(before.renewedAt, wanted) };
  };
}

function only(map: ReadonlyMap<number, number>, slots: ReadonlySet<number>): ReadonlyMap<number, number> {
  return new Map([...map].filter(([slot]) => slots.has(slot)));
}

/**
 * What may be true after a crash: of the commands that were under way any may have been carried out, or not. The
 * likeliest, in which all were, comes first.
 */
export function possibilities(promises: Promises, pending: readonly Pending[]): Promises[] {
  const [first, ...rest] = pending;
  if (!first) return [promises];
  return [...possibilities(first.effect(promises), rest), ...possibilities(promises, rest)];
}

/** How what is there differs from what was promised; null where it does not. */
export function difference(promises: Promises, fleets: ReadonlyMap<string, FleetRunner>): string | null {
  for (const name of fleets.keys())
    if (!promises.has(name)) return `fleet ${name} is there, and should not be`;
  for (const [name, { wanted, isHeld, rolloutId, growth }] of promises) {
    const runner = fleets.get(name);
    if (!runner) return `fleet ${name} is lost`;
    const actual = runner.fleet.wantedSlots();
    const added = actual.difference(wanted).size;
    if (!wanted.isSubsetOf(actual) || added > growth) {
      return `fleet ${name} wants slots ${[...actual]}, and was to want ${[...wanted]}`;
    }
    const byUser = runner.fleet.record.hold?.by === 'user';
    if (isHeld !== null && isHeld !== byUser)
      return `fleet ${name} is ${byUser ? '' : 'not '}held by its user, and was to be${isHeld ? '' : ' not'}`;
    if ((runner.fleet.record.rollout?.id ?? 0) < rolloutId)
      return `rollout ${rolloutId} of fleet ${name} is lost`;
  }
  return null;
}
