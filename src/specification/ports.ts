import { FleetError } from '../errors/fleet-error.ts';
import { addressProblem } from './addresses.ts';
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

/** Checks that the ports and addresses of all slots exist. @throws FleetError SPEC_INVALID that names the highest slot */
export function checkPlaces(
  { ports, addresses }: Pick<Spec, 'ports' | 'addresses'>,
  slots: Iterable<number>,
): void {
  let highest = -1;
  for (const slot of slots) highest = Math.max(highest, slot);
  if (highest < 0) return;
  const port = ports && portProblem(ports, highest);
  if (port !== null) throw new FleetError('SPEC_INVALID', `ports: ${port}`);
  const address = addresses && addressProblem(addresses, highest);
  if (address !== null) throw new FleetError('SPEC_INVALID', `addresses.base: ${address}`);
}
