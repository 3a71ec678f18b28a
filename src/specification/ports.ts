import { FleetError } from '../errors.ts';
import type { Ports, Spec } from './spec.ts';

export const PORT_MAX = 65_535;

/** Says why the ports of a slot do not exist, or gives null if they do. */
export function portProblem(ports: Pick<Ports, 'base' | 'perAgent'>, slot: number): string | null {
  const last = ports.base + (slot + 1) * ports.perAgent - 1;
  if (last <= PORT_MAX) return null;
  const slotMax = Math.floor((PORT_MAX + 1 - ports.base) / ports.perAgent) - 1;
  const room = slotMax < 0 ? 'not even slot 0 fits' : `slot ${slotMax} is the last that fits`;
  return (
    `slot ${slot} would own port ${last}, and the highest is ${PORT_MAX}; with base ${ports.base} and ` +
    `perAgent ${ports.perAgent}, ${room}: lower ports.base or the target`
  );
}

/** Throws SPEC_INVALID, naming the slot, if one of the slots would own a port that does not exist. */
export function checkPorts(spec: Pick<Spec, 'ports'>, slots: Iterable<number>): void {
  if (spec.ports === null) return;
  let highest = -1;
  for (const slot of slots) highest = Math.max(highest, slot);
  const problem = highest < 0 ? null : portProblem(spec.ports, highest);
  if (problem !== null) throw new FleetError('SPEC_INVALID', `ports: ${problem}`);
}
