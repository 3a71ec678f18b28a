import { formatCount } from '../specification/units.ts';

/** What decides how soon somebody must look at a fleet, whatever document it comes from. */
export interface Condition {
  name: string;
  target: number;
  /** Agents that do what they are for. */
  ready: number;
  isHeld: boolean;
  /** Something beyond its agents is wrong: nothing may start, or an external count is too low. */
  isBlocked: boolean;
  /** Agents that failed, or wait for another try. */
  failing: number;
  leak: 'none' | 'suspect' | 'leak';
  isRollingOut: boolean;
}

/** The kinds of trouble, worst first, each with its word. */
const TROUBLES: readonly (readonly [word: string, isSo: (fleet: Condition) => boolean])[] = [
  ['held', ({ isHeld }) => isHeld],
  ['blocked', ({ isBlocked }) => isBlocked],
  ['failing', ({ failing }) => failing > 0],
  ['not ready', ({ ready, target }) => ready < target],
  ['leak', ({ leak }) => leak === 'leak'],
  ['rollout', ({ isRollingOut }) => isRollingOut],
  ['leak suspected', ({ leak }) => leak === 'suspect'],
];

/** The worst trouble of a fleet in a word or two; null if its numbers say everything about it. */
export function troubleOf(fleet: Condition): string | null {
  return TROUBLES[rank(fleet)]?.[0] ?? null;
}

/** The fleets to show one by one, and those that are only counted. */
export interface Cut<T> {
  shown: T[];
  others: T[];
}

/**
 * Chooses the fleets to show: all of them as they come, if there is room for so many; else those in trouble, the worst
 * first, and of them as many as there is room for.
 * @param conditionOf what is known of a fleet
 */
export function worstFirst<T>(
  fleets: readonly T[],
  room: number,
  conditionOf: (fleet: T) => Condition,
): Cut<T> {
  if (fleets.length <= room) return { shown: [...fleets], others: [] };
  const sorted = fleets
    .map((fleet) => ({ fleet, condition: conditionOf(fleet) }))
    .sort((a, b) => compare(a.condition, b.condition));
  const inTrouble = sorted.filter(({ condition }) => troubleOf(condition) !== null).length;
  const all = sorted.map(({ fleet }) => fleet);
  const count = Math.min(room, inTrouble);
  return { shown: all.slice(0, count), others: all.slice(count) };
}

/**
 * The fleets that are only counted, in one line: `57 others: all 12,300 agents ready`.
 * @param shown how many fleets are shown before them
 */
export function describeOthers(others: readonly Condition[], shown: number): string {
  const target = others.reduce((sum, fleet) => sum + fleet.target, 0);
  // More than are wanted, in a fleet that shrinks, make up for none that is missing in another one.
  const ready = others.reduce((sum, fleet) => sum + Math.min(fleet.ready, fleet.target), 0);
  const inTrouble = others.filter((fleet) => troubleOf(fleet) !== null).length;
  const agents =
    ready < target
      ? `${formatCount(ready)} of ${plural(target, 'agent')} ready`
      : `all ${plural(target, 'agent')} ready`;
  const trouble = inTrouble > 0 ? `, ${formatCount(inTrouble)} in trouble` : '';
  return `${plural(others.length, shown > 0 ? 'other' : 'fleet')}: ${agents}${trouble}`;
}

function rank(fleet: Condition): number {
  const at = TROUBLES.findIndex(([, isSo]) => isSo(fleet));
  return at < 0 ? TROUBLES.length : at;
}

/** Of the same trouble, the fleet that lacks most agents comes first. */
function compare(a: Condition, b: Condition): number {
  const lack = ({ target, ready }: Condition) => Math.max(0, target - ready);
  return rank(a) - rank(b) || lack(b) - lack(a) || (a.name < b.name ? -1 : 1);
}

function plural(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}
