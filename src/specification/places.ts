import { addressOf } from './addresses.ts';
import { portOf } from './paths.ts';
import type { Spec } from './spec.ts';

/** What a slot owns: a port, at its own address, or at all addresses of the host (null). */
export interface Place {
  port: number;
  address: string | null;
}

/** What decides on the places of slots. */
type Placed = Pick<Spec, 'ports' | 'addresses'>;

/** Returns the places of a slot: one for each of its ports; none without ports. */
export function placesOf({ ports, addresses }: Placed, slot: number): Place[] {
  if (ports === null) return [];
  const first = portOf(ports, slot)!;
  const address = addressOf(addresses, slot);
  return Array.from({ length: ports.perAgent }, (_, i) => ({ port: first + i, address }));
}

/** Returns the addresses of some slots; none without `addresses`. */
export function addressesOf({ addresses }: Pick<Spec, 'addresses'>, slots: Iterable<number>): string[] {
  if (addresses === null) return [];
  return [...slots].map((slot) => addressOf(addresses, slot)!);
}

/** Writes a place as `127.16.0.8:8000`, `[fd00::8]:8000`, or `port 8000`. */
export function formatPlace({ port, address }: Place): string {
  if (address === null) return `port ${port}`;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
