import { addressesOf, placesOf } from '../../specification/places.ts';
import type { Spec } from '../../specification/spec.ts';
import type { MemoryReading } from '../../store/packing.ts';
import type { FleetContext } from '../fleet/context.ts';
import { after } from '../shared/timers.ts';
import { everyMsOf, Leaks } from './leaks.ts';
import { Memory } from './memory.ts';
import { SpecWatch } from './spec-watch.ts';

/** The maximum time of an external count of connections, after which it counts as unknown. */
const CONNECTIONS_TIMEOUT_MS = 5_000;

/** Reads the memory of all agents of a fleet every `leak.every`, keeps the reading, and has it judged. */
export class MemoryReader extends SpecWatch<number> {
  protected override partOf(spec: Spec): number {
    return everyMsOf(spec);
  }

  protected override begin(everyMs: number, signal: AbortSignal): void {
    this.#schedule(everyMs, performance.now() + everyMs, signal);
  }

  #schedule(everyMs: number, due: number, signal: AbortSignal): void {
    after(Math.max(0, due - performance.now()), signal, async () => {
      const { services, name } = this.context;
      await this.#read(signal).catch((error: Error) =>
        services.log.warn({ fleet: name, error: error.message }, 'cannot read memory'),
      );
      // Readings missed because of a slow one are skipped.
      this.#schedule(everyMs, Math.max(due + everyMs, performance.now()), signal);
    });
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { context } = this;
    const { host, readings } = context.services;
    const memory = context.watch(Memory);
    const [, connections, reported] = await Promise.all([
      memory.renew(0),
      connectionsOf(context),
      reportedConnections(context),
    ]);
    const read = memory.reading();
    if (read.slots.length === 0 || signal.aborted) return;
    const counts = connections && read.slots.map((slot) => connections(slot));
    const reading: MemoryReading = {
      ...read,
      at: host.date().getTime(),
      connections: counts,
      connectionsTotal: reported ?? counts?.reduce((sum, count) => sum + count, 0) ?? null,
    };
    readings.add(context.name, reading);
    await context.watch(Leaks).observe(reading);
  }
}

/** Established connections at a slot's ports; null for a fleet without TCP ports. */
async function connectionsOf({ fleet, services }: FleetContext): Promise<((slot: number) => number) | null> {
  const { spec } = fleet;
  if (!spec.ports || spec.ports.protocol === 'udp') return null;
  const addresses = addressesOf(spec, [...fleet.slots.keys()]);
  const connections = await services.host.sockets.readConnections(addresses);
  return (slot) =>
    placesOf(spec, slot).reduce((sum, { port, address }) => sum + connections.of(port, address), 0);
}

/** The fleet's connections as `leak.connections` reports them; null without such a source, or without an answer. */
async function reportedConnections({ fleet, services }: FleetContext): Promise<number | null> {
  const source = fleet.spec.leak?.connections;
  if (!source) return null;
  const { sockets } = services.host;
  return sockets.fetchNumber(source.http, source.field, CONNECTIONS_TIMEOUT_MS).catch(() => null);
}
