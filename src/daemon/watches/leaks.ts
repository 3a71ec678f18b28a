import type { LeakStatus } from '../../api/leak.ts';
import { chooseRecycled, type Heavy } from '../../fleet/recycle.ts';
import { recycleAgent } from '../../fleet/transitions.ts';
import { type Leak, LeakDetector, type LeakEvent, type LeakLimits } from '../../leak/detector.ts';
import type { Spec } from '../../specification/spec.ts';
import { formatSize } from '../../specification/units.ts';
import type { MemoryReading } from '../../store/packing.ts';
import type { FleetContext } from '../fleet/context.ts';
import { SpecWatch } from './spec-watch.ts';

/** The time whose readings rebuild the memory of a detector. */
const REMEMBERED_MS = 24 * 3_600_000;
/** The interval of memory readings if the spec has no `leak.every`. */
const EVERY_MS = 5 * 60_000;

/** The interval of a fleet's memory readings, in milliseconds. */
export function everyMsOf({ leak }: Spec): number {
  return leak?.everyMs ?? EVERY_MS;
}

/** Judges every reading of a fleet's memory, and recycles agents that have outgrown their limit if the spec says so. */
export class Leaks extends SpecWatch<LeakLimits> {
  #detector: LeakDetector;
  /** Whether the verdict counts: after a start, the stored readings and the latest verdict come first. */
  isKnown = false;
  /** Readings that arrive while the stored ones are read wait for that. */
  #rebuilt: Promise<void> = Promise.resolve();

  constructor(context: FleetContext) {
    super(context);
    this.#detector = new LeakDetector(this.partOf(context.fleet.spec));
  }

  protected override partOf(spec: Spec): LeakLimits {
    return {
      everyMs: everyMsOf(spec),
      growthBytesPerHour: spec.leak?.growthBytesPerHour ?? null,
      agentLimitBytes: spec.leak?.agentLimitBytes ?? null,
    };
  }

  protected override begin(limits: LeakLimits, signal: AbortSignal): void {
    const detector = new LeakDetector(limits);
    this.#detector = detector;
    this.isKnown = false;
    this.#rebuilt = this.#remember(detector, signal).then(() => {
      if (this.#detector === detector) this.isKnown = true;
    });
  }

  /** The current verdict on the fleet's memory. */
  get status(): LeakStatus {
    const { verdict, bytesPerHour, since, cohort, agents, exhaustsAt, words } = this.#detector.leak;
    return { verdict, bytesPerHour, since, cohort, agents, exhaustsAt, words };
  }

  /** Judges a reading. */
  async observe(reading: MemoryReading): Promise<void> {
    const detector = this.#detector;
    await this.#rebuilt;
    if (this.context.signal.aborted || this.#detector !== detector) return;
    const event = detector.observe(reading, this.context.services.host.memory.readMemory().availableBytes);
    if (event) this.#report(event);
    this.#recycle(reading);
  }

  #report({ leak }: LeakEvent): void {
    const { name, services } = this.context;
    services.journal.note('leak', name, leak.words, leak.agents);
    services.readings.setLastVerdict(name, JSON.stringify(leak));
  }

  /** The stored readings may be damaged: a detector that knows less is better than none. */
  async #remember(detector: LeakDetector, signal: AbortSignal): Promise<void> {
    try {
      await this.#rebuild(detector, signal);
    } catch (error) {
      const { name, services } = this.context;
      const { message } = error as Error;
      services.journal.note('leak', name, `the stored readings of its memory cannot be read: ${message}`);
    }
  }

  /** Feeds a detector with the stored readings, one per turn of the loop, and with its latest verdict. */
  async #rebuild(detector: LeakDetector, signal: AbortSignal): Promise<void> {
    const { name, services } = this.context;
    const { readings, host } = services;
    for (const at of readings.times(name, host.date().getTime() - REMEMBERED_MS)) {
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) return;
      const reading = readings.get(name, at);
      if (reading) detector.observe(reading, null);
    }
    const verdict = readings.lastVerdict(name);
    if (verdict !== null) detector.resume(JSON.parse(verdict) as Leak);
  }

  #recycle(reading: MemoryReading): void {
    const { fleet, services } = this.context;
    const { leak, update } = fleet.spec;
    if (!leak?.recycle || leak.agentLimitBytes === null) return;
    const limit = leak.agentLimitBytes;
    const heavy: Heavy[] = [];
    for (const [i, rssBytes] of reading.rssBytes.entries())
      if (rssBytes > limit) heavy.push({ slot: reading.slots[i]!, rssBytes });
    const chosen = chooseRecycled(heavy, fleet, update.batch);
    for (const { slot, rssBytes } of chosen) {
      const reason = `${formatSize(rssBytes)} is above leak.agentLimit ${formatSize(limit)}`;
      recycleAgent(fleet, slot, reason, services.host.now());
    }
    if (chosen.length > 0) this.context.wake();
  }
}
