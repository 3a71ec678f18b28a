import { highest, lowestFree } from '../specification/slots.ts';

/** The slots that become wanted, and those that become unwanted. */
export interface TargetChange {
  add: number[];
  remove: number[];
}

/** Changes the wanted slots to `target`: the lowest free ones are added first, the highest are removed first. */
export function toTarget(wanted: ReadonlySet<number>, target: number): TargetChange {
  return target >= wanted.size
    ? { add: lowestFree(wanted, target - wanted.size), remove: [] }
    : { add: [], remove: highest(wanted, wanted.size - target) };
}
