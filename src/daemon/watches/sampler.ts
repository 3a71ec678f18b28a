import type { Host } from '../../host/host.ts';
import { portOf } from '../../specification/paths.ts';
import type { Spec } from '../../specification/spec.ts';
import type { MemoryReading } from '../../store/packing.ts';
import type { ReadingStore } from '../../store/samples.ts';
import type { Managed } from '../fleet/managed.ts';
import type { Memory } from './memory.ts';

/** Memory is sampled so often where the spec has no `leak.every`. */
const EVERY_MS = 5 * 60_000;
/** Somebody else's count of connections that takes longer is taken for unknown. */
const CONNECTIONS_TIMEOUT_MS = 5_000;

/** How often a fleet's memory is sampled. */
export function everyMsOf({ leak }: Spec): number {
  return leak?.everyMs ?? EVERY_MS;
}

/** What the sampler needs from the supervisor. */
interface Parts {
  host: Host;
  memory: Memory;
  store: ReadingStore;
  /** Called with every pass, once it is stored. */
  onPass: (managed: Managed, pass: MemoryReading) => Promise<void>;
  /** Called with what failed; the next pass comes all the same. */
  onProblem: (managed: Managed, error: Error) => void;
}

/** Takes a pass over each fleet's memory every `leak.every`, and keeps it. */
export class Sampler {
  readonly #parts: Parts;
  readonly #timers = new Map<string, { everyMs: number; timeout: NodeJS.Timeout }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Begins to sample a fleet, or goes on at the pace that its spec asks for now. */
  followSpec(managed: Managed): void {
    const everyMs = everyMsOf(managed.fleet.spec);
    if (this.#timers.get(managed.name)?.everyMs === everyMs) return;
    this.forget(managed);
    this.#schedule(managed, everyMs, performance.now() + everyMs);
  }

  #schedule(managed: Managed, everyMs: number, due: number): void {
    const timeout = setTimeout(
      async () => {
        await this.take(managed).catch((error: Error) => this.#parts.onProblem(managed, error));
        if (this.#timers.get(managed.name)?.timeout !== timeout) return;
        // A pass that took too long is not caught up with.
        this.#schedule(managed, everyMs, Math.max(due + everyMs, performance.now()));
      },
      Math.max(0, due - performance.now()),
    );
    this.#timers.set(managed.name, { everyMs, timeout });
  }

  /** Ends the sampling of a fleet. */
  forget({ name }: Managed): void {
    clearTimeout(this.#timers.get(name)?.timeout);
    this.#timers.delete(name);
  }

  stop(): void {
    for (const { timeout } of this.#timers.values()) clearTimeout(timeout);
    this.#timers.clear();
  }

  /** Takes a pass over a fleet now. */
  async take(managed: Managed): Promise<void> {
    const { memory, store, host, onPass } = this.#parts;
    const [, connections, reported] = await Promise.all([
      memory.renew(managed, 0),
      connectionsOf(host, managed),
      reportedConnections(host, managed),
    ]);
    const sampled = memory.pass(managed);
    if (sampled.slots.length === 0) return;
    const counts = connections && sampled.slots.map((slot) => connections(slot));
    const pass: MemoryReading = {
      ...sampled,
      at: host.date().getTime(),
      connections: counts,
      connectionsTotal: reported ?? counts?.reduce((sum, count) => sum + count, 0) ?? null,
    };
    store.add(managed.name, pass);
    await onPass(managed, pass);
  }
}

/** Established connections at a slot's ports; null for a fleet that has no TCP ports. */
async function connectionsOf(
  host: Host,
  { fleet: { spec } }: Managed,
): Promise<((slot: number) => number) | null> {
  const { ports } = spec;
  if (!ports || ports.protocol === 'udp') return null;
  const byPort = await host.sockets.readConnections();
  return (slot) => {
    const first = portOf(ports, slot)!;
    return byPort.subarray(first, first + ports.perAgent).reduce((sum, count) => sum + count, 0);
  };
}

/** The fleet's connections as `leak.connections` reports them; null where nobody does, or no answer came. */
async function reportedConnections(host: Host, { fleet: { spec } }: Managed): Promise<number | null> {
  const source = spec.leak?.connections;
  if (!source) return null;
  return host.sockets.fetchNumber(source.http, source.field, CONNECTIONS_TIMEOUT_MS).catch(() => null);
}
