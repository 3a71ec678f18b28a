import { FleetError } from '../errors/fleet-error.ts';
import type { Ports, Spec } from './spec.ts';

export const PORT_MAX = 65_535;

/** Describes why the ports of a slot do not exist; null if they do. */
export function portProblem(ports: Pick<Ports, 'base' | 'perAgent' | 'same'>, slot: number): string | null {
  if (ports.same) return null;
  const last = ports.base + (slot + 1) * ports.perAgent - 1;
  if (last <= PORT_MAX) return null;
  const slotMax = Math.floor((PORT_MAX + 1 - ports.base) / ports.perAgent) - 1;
  const room = slotMax < 0 ? 'not even slot 0 fits' : `slot ${slotMax} is the last one that fits`;
  return (
    `slot ${slot} would own port ${last}, above the maximum of ${PORT_MAX}; with base ${ports.base} and ` +
    `perAgent ${ports.perAgent}, ${room}: lower ports.base or the target`
  );
}

/** Checks that the ports of all slots exist. @throws FleetError SPEC_INVALID that names the highest slot */
export function checkPorts(spec: Pick<Spec, 'ports'>, slots: Iterable<number>): void {
  if (spec.ports === null) return;
  let highest = -1;
  for (const slot of slots) highest = Math.max(highest, slot);
  const problem = highest < 0 ? null : portProblem(spec.ports, highest);
  if (problem !== null) throw new FleetError('SPEC_INVALID', `ports: ${problem}`);
}
