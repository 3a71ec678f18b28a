import type { CohortMemory, FleetMemory, MemorySummary } from '../../api/memory.ts';
import { runOf } from '../../fleet/agent.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { quantilesOf } from '../../fleet/quantiles.ts';
import type { MemoryReading } from '../../store/packing.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';
import { inSlices, SLICE_MS } from '../shared/slices.ts';

/** A reading is fresh for this time. */
const FRESH_MS = 5_000;
/** PSS costs five times as much as RSS and is similar among like agents: this number are read at a time, in turn. */
const PSS_AT_ONCE = 64;
/** The first reading of a large fleet must include some proportional memory. */
const PSS_AT_LEAST = 8;

interface AgentReading {
  at: number;
  pid: number;
  rssBytes: number;
  pssBytes: number | null;
}

/** Never ends; null if there are no slots. */
type SlotsInTurn = Generator<number | null, never>;

/** Whether proportional memory is read of some agents or of all. */
export type PssScope = 'some' | 'all';

/** The memory use of a fleet's agents: read in bounded slices, so that the loop is never blocked for long. */
export class Memory implements FleetWatch {
  readonly #context: FleetContext;
  readonly #fleet: Fleet;
  readonly #readings = new Map<number, AgentReading>();
  readonly #next: SlotsInTurn;
  readonly #nextPss: SlotsInTurn;

  constructor(context: FleetContext) {
    this.#context = context;
    this.#fleet = context.fleet;
    this.#next = slotsInTurn(context.fleet);
    this.#nextPss = slotsInTurn(context.fleet);
  }

  exited(slot: number): void {
    this.#readings.delete(slot);
  }

  /** Renews old readings, from where the last call ended. @param msMax how long it may take */
  refresh(msMax = SLICE_MS): void {
    const begun = performance.now();
    const isOver = () => performance.now() - begun > msMax;
    for (let i = this.#fleet.slots.size; i > 0 && !isOver(); i--) this.#readNext(begun - FRESH_MS);
    for (let i = 0; i < PSS_AT_ONCE && (i < PSS_AT_LEAST || !isOver()); i++) this.#readPssNext();
  }

  /** Renews everything that is older than `freshMs`, a slice at a time. */
  async renew(freshMs = FRESH_MS, pss: PssScope = 'some'): Promise<void> {
    const since = performance.now() - freshMs;
    const { size } = this.#fleet.slots;
    await inSlices(size, () => this.#readNext(since));
    await inSlices(pss === 'all' ? size : Math.min(size, PSS_AT_ONCE), () => this.#readPssNext());
  }

  /** The latest RSS of a slot's agent; null if it was never read. */
  rssBytes(slot: number): number | null {
    return this.#readingOf(slot)?.rssBytes ?? null;
  }

  /** The fleet's total, from the available readings scaled to the running agents; null without any. */
  total(of: 'rssBytes' | 'pssBytes'): number | null {
    let sum = 0;
    let count = 0;
    for (const slot of this.#fleet.slots.keys()) {
      const value = this.#readingOf(slot)?.[of] ?? null;
      if (value === null) continue;
      sum += value;
      count++;
    }
    return count === 0 ? null : Math.round((sum / count) * this.#fleet.running);
  }

  /** A summary of the fleet's memory: the total, by release, and the agents with the highest use. */
  summary(topCount: number): FleetMemory {
    const all = new Tally();
    const byRelease = new Map<string, Tally>();
    const top: { slot: number; rssBytes: number }[] = [];
    for (const [slot, { agent }] of this.#fleet.slots) {
      const reading = this.#readingOf(slot);
      const run = runOf(agent);
      if (!reading || !run) continue;
      all.add(reading);
      const release = byRelease.get(run.release) ?? new Tally();
      release.add(reading);
      byRelease.set(run.release, release);
      const { rssBytes } = reading;
      if (top.length === topCount && rssBytes <= (top.at(-1)?.rssBytes ?? rssBytes)) continue;
      const before = top.findIndex((other) => other.rssBytes < rssBytes);
      top.splice(before < 0 ? top.length : before, 0, { slot, rssBytes });
      top.length = Math.min(top.length, topCount);
    }
    const cohorts = [...byRelease].map(([release, tally]): CohortMemory => ({ release, ...tally.summary() }));
    return { fleet: this.#fleet.name, ...all.summary(), cohorts, top };
  }

  /** The readings of all agents as one, without the time and the connections. */
  reading(): Omit<MemoryReading, 'at' | 'connections' | 'connectionsTotal'> {
    const releases: string[] = [];
    const rows = [...this.#fleet.slots.values()].flatMap(({ number, agent }) => {
      const run = runOf(agent);
      const reading = this.#readingOf(number);
      if (!run || !reading) return [];
      if (!releases.includes(run.release)) releases.push(run.release);
      return [{ slot: number, run, rssBytes: reading.rssBytes }];
    });
    return {
      slots: Uint32Array.from(rows, ({ slot }) => slot),
      rssBytes: Float64Array.from(rows, ({ rssBytes }) => rssBytes),
      startedMs: Float64Array.from(rows, ({ run }) => Date.parse(run.startedIso)),
      release: Uint16Array.from(rows, ({ run }) => releases.indexOf(run.release)),
      releases,
      pssBytes: this.total('pssBytes'),
    };
  }

  /** The reading of what runs in a slot now, not of what ran there before. */
  #readingOf(slot: number): AgentReading | null {
    const reading = this.#readings.get(slot);
    const agent = this.#fleet.slots.get(slot)?.agent;
    return reading && agent && runOf(agent)?.pid === reading.pid ? reading : null;
  }

  #readNext(since: number): void {
    const slot = this.#next.next().value;
    if (slot === null) return;
    const agent = this.#fleet.slots.get(slot)?.agent;
    const run = agent && runOf(agent);
    if (!run) {
      this.#readings.delete(slot);
      return;
    }
    const old = this.#readingOf(slot);
    if (old && old.at > since) return;
    const rssBytes = this.#context.services.host.memory.rssBytes(this.#context.key(slot));
    if (rssBytes === null) return;
    const at = performance.now();
    this.#readings.set(slot, { at, pid: run.pid, rssBytes, pssBytes: old?.pssBytes ?? null });
  }

  #readPssNext(): void {
    const slot = this.#nextPss.next().value;
    const reading = slot === null ? null : this.#readingOf(slot);
    if (slot === null || !reading) return;
    reading.pssBytes =
      this.#context.services.host.memory.pssBytes(this.#context.key(slot)) ?? reading.pssBytes;
  }
}

/** The slots of a fleet in turn, for ever, whatever is added and removed meanwhile. */
function* slotsInTurn({ slots }: Fleet): SlotsInTurn {
  for (;;) {
    if (slots.size === 0) yield null;
    yield* slots.keys();
  }
}

/** Sums up readings. */
class Tally {
  readonly #rssBytes: number[] = [];
  #pssBytes = 0;
  #pssCount = 0;

  add({ rssBytes, pssBytes }: AgentReading): void {
    this.#rssBytes.push(rssBytes);
    if (pssBytes === null) return;
    this.#pssBytes += pssBytes;
    this.#pssCount++;
  }

  summary(): MemorySummary {
    const pssMeanBytes = this.#pssCount === 0 ? null : Math.round(this.#pssBytes / this.#pssCount);
    return { agents: this.#rssBytes.length, rss: quantilesOf(this.#rssBytes), pssMeanBytes };
  }
}
