import { highest, lowestFree } from '../specification/slots.ts';

/** Which slots begin and which cease to be wanted. */
export interface TargetChange {
  add: number[];
  remove: number[];
}

/** Brings the wanted slots to `target`: the lowest free ones are filled first, the highest are given up first. */
export function toTarget(wanted: ReadonlySet<number>, target: number): TargetChange {
  return target >= wanted.size
    ? { add: lowestFree(wanted, target - wanted.size), remove: [] }
    : { add: [], remove: highest(wanted, wanted.size - target) };
}
