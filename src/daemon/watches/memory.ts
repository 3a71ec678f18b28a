import type { CohortMemory, FleetMemory, MemorySummary } from '../../api/memory.ts';
import { runOf } from '../../fleet/agent.ts';
import { quantilesOf } from '../../fleet/quantiles.ts';
import type { Host } from '../../host/host.ts';
import type { MemoryReading } from '../../store/packing.ts';
import type { Managed } from '../fleet/managed.ts';

/** A sample is good enough for so long. */
const FRESH_MS = 5_000;
/** The loop is held up for no longer at a time. */
const SLICE_MS = 10;
/** PSS costs five times as much as RSS and is alike among like agents: so many are read in a pass, in turn. */
const PSS_AT_ONCE = 64;
/** The first look at a large fleet is to show some proportional memory too. */
const PSS_AT_LEAST = 8;

interface AgentReading {
  at: number;
  pid: number;
  rssBytes: number;
  pssBytes: number | null;
}

/** Never ends; null where there is no slot. */
type Turns = Generator<number | null, never>;

/** What is known of a fleet's memory, and who is looked at next. */
interface Sampled {
  samples: Map<number, AgentReading>;
  next: Turns;
  nextPss: Turns;
}

/** How much proportional memory a pass reads. */
export type PssScope = 'some' | 'all';

/** What agents use of the memory: read in bounded slices, so that the loop is never held up for long. */
export class Memory {
  readonly #host: Host;
  readonly #fleets = new Map<string, Sampled>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Renews what is old, going on where the last call ended, for no longer than a slice. */
  refresh(managed: Managed): void {
    const begun = performance.now();
    const sampled = this.#sampled(managed);
    const isOver = () => performance.now() - begun > SLICE_MS;
    for (let i = managed.fleet.slots.size; i > 0 && !isOver(); i--)
      this.#sampleNext(managed, sampled, begun - FRESH_MS);
    for (let i = 0; i < PSS_AT_ONCE && (i < PSS_AT_LEAST || !isOver()); i++)
      this.#samplePssNext(managed, sampled);
  }

  /** Renews everything that is older than `freshMs`, a slice at a time. */
  async renew(managed: Managed, freshMs = FRESH_MS, pss: PssScope = 'some'): Promise<void> {
    const since = performance.now() - freshMs;
    const sampled = this.#sampled(managed);
    const size = managed.fleet.slots.size;
    await inSlices(size, () => this.#sampleNext(managed, sampled, since));
    await inSlices(pss === 'all' ? size : Math.min(size, PSS_AT_ONCE), () =>
      this.#samplePssNext(managed, sampled),
    );
  }

  /** Forgets a fleet. */
  forget(managed: Managed): void {
    this.#fleets.delete(managed.name);
  }

  /** The latest RSS of a slot's agent; null where it was never read. */
  rssBytes(managed: Managed, slot: number): number | null {
    return this.#sampleOf(managed, slot)?.rssBytes ?? null;
  }

  /** A fleet's total, of the samples that there are, scaled to the agents that run; null without any. */
  total(managed: Managed, of: 'rssBytes' | 'pssBytes'): number | null {
    let sum = 0;
    let count = 0;
    for (const slot of managed.fleet.slots.keys()) {
      const value = this.#sampleOf(managed, slot)?.[of] ?? null;
      if (value === null) continue;
      sum += value;
      count++;
    }
    return count === 0 ? null : Math.round((sum / count) * managed.fleet.running);
  }

  /** A fleet's memory summed up: in all, by release, and the agents that use most. */
  summary(managed: Managed, topCount: number): FleetMemory {
    const agents = [...managed.fleet.slots.keys()].flatMap((slot) => {
      const sample = this.#sampleOf(managed, slot);
      const run = runOf(managed.fleet.slot(slot).agent);
      return sample && run ? [{ slot, release: run.release, ...sample }] : [];
    });
    const cohorts = [...Map.groupBy(agents, ({ release }) => release)].map(
      ([release, members]): CohortMemory => ({ release, ...summarise(members) }),
    );
    const top = agents.toSorted((a, b) => b.rssBytes - a.rssBytes).slice(0, topCount);
    return {
      fleet: managed.name,
      ...summarise(agents),
      cohorts,
      top: top.map(({ slot, rssBytes }) => ({ slot, rssBytes })),
    };
  }

  /** The samples of a fleet as one pass, but for the connections. */
  pass(managed: Managed): Omit<MemoryReading, 'at' | 'connections' | 'connectionsTotal'> {
    const { fleet } = managed;
    const releases: string[] = [];
    const rows = [...fleet.slots.values()].flatMap(({ number, agent }) => {
      const run = runOf(agent);
      const sample = this.#sampleOf(managed, number);
      if (!run || !sample) return [];
      if (!releases.includes(run.release)) releases.push(run.release);
      return [{ slot: number, run, rssBytes: sample.rssBytes }];
    });
    return {
      slots: Uint32Array.from(rows, ({ slot }) => slot),
      rssBytes: Float64Array.from(rows, ({ rssBytes }) => rssBytes),
      startedMs: Float64Array.from(rows, ({ run }) => Date.parse(run.startedIso)),
      release: Uint16Array.from(rows, ({ run }) => releases.indexOf(run.release)),
      releases,
      pssBytes: this.total(managed, 'pssBytes'),
    };
  }

  #sampled(managed: Managed): Sampled {
    const known = this.#fleets.get(managed.name);
    if (known) return known;
    const sampled: Sampled = {
      samples: new Map(),
      next: slotsInTurn(managed),
      nextPss: slotsInTurn(managed),
    };
    this.#fleets.set(managed.name, sampled);
    return sampled;
  }

  /** The sample of what runs in a slot now, not of what ran there before. */
  #sampleOf(managed: Managed, slot: number): AgentReading | null {
    const sample = this.#fleets.get(managed.name)?.samples.get(slot);
    const agent = managed.fleet.slots.get(slot)?.agent;
    return sample && agent && runOf(agent)?.pid === sample.pid ? sample : null;
  }

  #sampleNext(managed: Managed, sampled: Sampled, since: number): void {
    const slot = sampled.next.next().value;
    if (slot === null) return;
    const agent = managed.fleet.slots.get(slot)?.agent;
    const run = agent && runOf(agent);
    if (!run) {
      sampled.samples.delete(slot);
      return;
    }
    const old = this.#sampleOf(managed, slot);
    if (old && old.at > since) return;
    const rssBytes = this.#host.rssBytes(managed.key(slot));
    if (rssBytes === null) return;
    sampled.samples.set(slot, {
      at: performance.now(),
      pid: run.pid,
      rssBytes,
      pssBytes: old?.pssBytes ?? null,
    });
  }

  #samplePssNext(managed: Managed, sampled: Sampled): void {
    const slot = sampled.nextPss.next().value;
    const sample = slot === null ? null : this.#sampleOf(managed, slot);
    if (slot !== null && sample) sample.pssBytes = this.#host.pssBytes(managed.key(slot)) ?? sample.pssBytes;
  }
}

/** The slots of a fleet, round and round, whatever comes and goes meanwhile. */
function* slotsInTurn({ fleet }: Managed): Turns {
  for (;;) {
    if (fleet.slots.size === 0) yield null;
    yield* fleet.slots.keys();
  }
}

/** Does something so many times, and lets the loop go on after every slice. */
async function inSlices(count: number, work: () => void): Promise<void> {
  let begun = performance.now();
  for (let i = 0; i < count; i++) {
    work();
    if (performance.now() - begun < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    begun = performance.now();
  }
}

function summarise(samples: readonly Pick<AgentReading, 'rssBytes' | 'pssBytes'>[]): MemorySummary {
  const rss = quantilesOf(samples.map(({ rssBytes }) => rssBytes));
  const pss = quantilesOf(samples.flatMap(({ pssBytes }) => pssBytes ?? []));
  return { agents: samples.length, rss, pssMeanBytes: pss && Math.round(pss.mean) };
}
