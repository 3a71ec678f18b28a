import { FleetError } from '../../errors/fleet-error.ts';
import { runOf } from '../../fleet/agent.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Sockets } from '../../host/host.ts';
import { type PortTable, type Protocol, rangeOf } from '../../host/proc/port-table.ts';
import { addressOf, isLoopback, localCommand } from '../../specification/addresses.ts';
import { formatPlace, type Place, placesOf } from '../../specification/places.ts';
import type { Ports, Spec } from '../../specification/spec.ts';

/** What a proposal must leave to another fleet; one that is proposed at the same time counts as it would be. */
export interface OtherFleet {
  readonly name: string;
  readonly fleet: {
    readonly spec: Spec;
    readonly target: number;
    /** The slots that own ports. */
    readonly slots: { keys(): Iterable<number> };
  };
}

/** Checks that this host has the addresses of the slots. @throws FleetError ADDRESS_MISSING with the first it lacks */
export function checkAddresses({ addresses }: Spec, slots: ReadonlySet<number>, sockets: Sockets): void {
  if (addresses === null) return;
  for (const slot of slots) {
    const address = addressOf(addresses, slot)!;
    if (isLoopback(address) || sockets.isLocal(address)) continue;
    throw new FleetError(
      'ADDRESS_MISSING',
      `slot ${slot} needs the address ${address}, which this host does not have`,
      { hint: `Give it the addresses of the block: ${localCommand(addresses)}` },
    );
  }
}

/**
 * Checks that no slot of another fleet owns a place. A fleet at target 0 claims none.
 * @throws FleetError PORT_TAKEN
 */
export function checkOtherFleets(
  spec: Spec,
  slots: ReadonlySet<number>,
  fleets: ReadonlyMap<string, OtherFleet>,
): void {
  for (const { name, fleet } of fleets.values()) {
    const theirs = fleet.spec;
    if (name === spec.name || !spec.ports || !theirs.ports || !overlap(spec.ports, theirs.ports)) continue;
    const owners = new Owners();
    for (const slot of fleet.slots.keys())
      for (const place of placesOf(theirs, slot)) owners.add(place, slot);
    for (const slot of slots) {
      for (const place of placesOf(spec, slot)) {
        const owner = owners.of(place);
        if (owner === null) continue;
        throw new FleetError(
          'PORT_TAKEN',
          `slot ${slot} needs ${formatPlace(place)}, which belongs to slot ${owner} of fleet ${name}`,
          {
            hint:
              place.address === null
                ? 'Change ports.base of one of the fleets.'
                : 'Change ports or addresses of one of the fleets.',
          },
        );
      }
    }
  }
}

/** The slots of a fleet, by their places. */
class Owners {
  /** By port, then by address; null: a slot that owns the port at all addresses. */
  readonly #slots = new Map<number, Map<string | null, number>>();

  add({ port, address }: Place, slot: number): void {
    const known = this.#slots.get(port) ?? new Map<string | null, number>();
    this.#slots.set(port, known.set(address, slot));
  }

  /** A slot that owns some of this place; null if none does. */
  of({ port, address }: Place): number | null {
    const known = this.#slots.get(port);
    if (known === undefined) return null;
    if (address === null) return known.values().next().value ?? null;
    return known.get(address) ?? known.get(null) ?? null;
  }
}

const overlap = (a: Ports, b: Ports): boolean =>
  a.protocol === null || b.protocol === null || a.protocol === b.protocol;

/**
 * Checks that no other process serves a place; a running slot holds its own.
 * @param own the fleet as it is; absent if it is new
 * @throws FleetError PORT_TAKEN
 */
export function checkPlacesFree(
  spec: Spec,
  slots: ReadonlySet<number>,
  sockets: Sockets,
  own: Fleet | undefined,
): void {
  if (spec.ports === null) return;
  const protocols: Protocol[] = spec.ports.protocol ? [spec.ports.protocol] : ['tcp', 'udp'];
  const idle = [...slots].filter((slot) => isIdle(own, slot));
  const places = idle.flatMap((slot) => placesOf(spec, slot).map((place) => ({ slot, place })));
  const range = rangeOf(places.map(({ place }) => place.port));
  for (const protocol of protocols) {
    const table = sockets.readPorts(protocol, range);
    const taken = places.filter(({ place }) => inodesAt(table, place).length > 0);
    const [first] = taken;
    if (!first) continue;
    const holder = sockets.holderOf(inodesAt(table, first.place)) ?? 'a process of another user or namespace';
    const others = new Set(taken.map(({ slot }) => slot)).size - 1;
    const more = others > 0 ? `; the ports of ${others} more slots of ${spec.name} are in use as well` : '';
    throw new FleetError(
      'PORT_TAKEN',
      `slot ${first.slot} needs ${protocol} ${formatPlace(first.place)}, held by ${holder}${more}`,
    );
  }
}

/** Whether nothing of a slot runs. */
function isIdle(own: Fleet | undefined, slot: number): boolean {
  const agent = own?.slots.get(slot)?.agent;
  return !agent || !(runOf(agent) || agent.state === 'clearing');
}

function inodesAt(table: PortTable, { port, address }: Place): readonly number[] {
  return address === null ? table.inodes(port) : table.inodesFor(port, address);
}
