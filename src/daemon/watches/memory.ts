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

/** What was read of the agent that is in a slot now. */
interface AgentReading {
  at: number;
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
  /** Of all readings, because a command that waits should not have to sum up thousands. */
  readonly #sums = { rssBytes: 0, pssBytes: 0, withPss: 0 };
  readonly #next: SlotsInTurn;
  readonly #nextPss: SlotsInTurn;

  constructor(context: FleetContext) {
    this.#context = context;
    this.#fleet = context.fleet;
    this.#next = slotsInTurn(context.fleet);
    this.#nextPss = slotsInTurn(context.fleet);
  }

  exited(slot: number): void {
    this.#replace(slot, null);
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
    return this.#readings.get(slot)?.rssBytes ?? null;
  }

  /** The fleet's totals, from the available readings scaled to the running agents; null without any. */
  get totals(): { rssBytes: number | null; pssBytes: number | null } {
    const { running } = this.#fleet;
    const { rssBytes, pssBytes, withPss } = this.#sums;
    const scaled = (sum: number, count: number) => (count === 0 ? null : Math.round((sum / count) * running));
    return { rssBytes: scaled(rssBytes, this.#readings.size), pssBytes: scaled(pssBytes, withPss) };
  }

  /** A summary of the fleet's memory: the total, by release, and the agents with the highest use. */
  summary(topCount: number): FleetMemory {
    const byRelease = new Map<string, AgentReading[]>();
    const top: { slot: number; rssBytes: number }[] = [];
    for (const [slot, reading] of this.#readings) {
      const agent = this.#fleet.slots.get(slot)?.agent;
      const run = agent && runOf(agent);
      if (!run) continue;
      const ofRelease = byRelease.get(run.release) ?? [];
      if (ofRelease.length === 0) byRelease.set(run.release, ofRelease);
      ofRelease.push(reading);
      const { rssBytes } = reading;
      if (top.length === topCount && rssBytes <= (top.at(-1)?.rssBytes ?? rssBytes)) continue;
      const before = top.findIndex((other) => other.rssBytes < rssBytes);
      top.splice(before < 0 ? top.length : before, 0, { slot, rssBytes });
      top.length = Math.min(top.length, topCount);
    }
    const cohorts = [...byRelease].map(([release, all]): CohortMemory => ({ release, ...summaryOf(all) }));
    const [only] = cohorts;
    const all = cohorts.length === 1 ? only! : summaryOf([...byRelease.values()].flat());
    const { agents, rss, pssMeanBytes } = all;
    return { fleet: this.#fleet.name, agents, rss, pssMeanBytes, cohorts, top };
  }

  /** The readings of all agents as one, without the time and the connections. */
  reading(): Omit<MemoryReading, 'at' | 'connections' | 'connectionsTotal'> {
    const releases: string[] = [];
    const rows = [...this.#fleet.slots.values()].flatMap(({ number, agent }) => {
      const run = runOf(agent);
      const reading = this.#readings.get(number);
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
      pssBytes: this.totals.pssBytes,
    };
  }

  #readNext(since: number): void {
    const slot = this.#next.next().value;
    if (slot === null) return;
    const agent = this.#fleet.slots.get(slot)?.agent;
    if (!agent || !runOf(agent)) return;
    const old = this.#readings.get(slot);
    if (old && old.at > since) return;
    const rssBytes = this.#context.services.host.memory.rssBytes(this.#context.key(slot));
    if (rssBytes === null) return;
    this.#replace(slot, { at: performance.now(), rssBytes, pssBytes: old?.pssBytes ?? null });
  }

  #readPssNext(): void {
    const slot = this.#nextPss.next().value;
    const reading = slot === null ? undefined : this.#readings.get(slot);
    if (slot === null || !reading) return;
    const pssBytes = this.#context.services.host.memory.pssBytes(this.#context.key(slot));
    if (pssBytes !== null) this.#replace(slot, { ...reading, pssBytes });
  }

  #replace(slot: number, reading: AgentReading | null): void {
    const old = this.#readings.get(slot);
    if (old) this.#count(old, -1);
    if (reading === null) {
      this.#readings.delete(slot);
      return;
    }
    this.#readings.set(slot, reading);
    this.#count(reading, 1);
  }

  #count({ rssBytes, pssBytes }: AgentReading, sign: 1 | -1): void {
    this.#sums.rssBytes += sign * rssBytes;
    if (pssBytes === null) return;
    this.#sums.pssBytes += sign * pssBytes;
    this.#sums.withPss += sign;
  }
}

/** The slots of a fleet in turn, for ever, whatever is added and removed meanwhile. */
function* slotsInTurn({ slots }: Fleet): SlotsInTurn {
  for (;;) {
    if (slots.size === 0) yield null;
    yield* slots.keys();
  }
}

function summaryOf(readings: readonly AgentReading[]): MemorySummary {
  const pss = readings.flatMap(({ pssBytes }) => pssBytes ?? []);
  return {
    agents: readings.length,
    rss: quantilesOf(readings.map(({ rssBytes }) => rssBytes)),
    pssMeanBytes:
      pss.length === 0 ? null : Math.round(pss.reduce((sum, bytes) => sum + bytes, 0) / pss.length),
  };
}
