import type { LeakStatus } from '../../api/leak.ts';
import { chooseRecycled, type Heavy } from '../../fleet/recycle.ts';
import type { Host } from '../../host/host.ts';
import { type Leak, LeakDetector, type LeakEvent, type LeakLimits } from '../../leak/detector.ts';
import { formatSize } from '../../specification/units.ts';
import type { MemoryReading } from '../../store/packing.ts';
import type { ReadingStore } from '../../store/samples.ts';
import type { Managed } from '../fleet/managed.ts';
import type { Journal } from '../journal.ts';
import { everyMsOf } from './sampler.ts';

/** What is remembered of a fleet is made anew from the passes of so long. */
const REMEMBERED_MS = 24 * 3_600_000;

/** What the watch over leaks needs from the supervisor. */
interface Parts {
  host: Host;
  store: ReadingStore;
  journal: Journal;
  wake: (managed: Managed) => void;
}

/** A fleet that is watched; passes that come while the stored ones are read wait for them. */
interface Watched {
  limits: LeakLimits;
  watch: LeakDetector;
  rebuilt: Promise<void>;
}

/** Judges every pass over a fleet's memory, and replaces agents that have outgrown their limit where that is asked for. */
export class Leaks {
  readonly #parts: Parts;
  readonly #watched = new Map<string, Watched>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Begins to watch a fleet, with what its stored passes tell, or goes on by the limits of its spec as it is now. */
  followSpec(managed: Managed): void {
    const { leak } = managed.fleet.spec;
    const limits = {
      everyMs: everyMsOf(managed.fleet.spec),
      growthBytesPerHour: leak?.growthBytesPerHour ?? null,
      agentLimitBytes: leak?.agentLimitBytes ?? null,
    };
    const known = this.#watched.get(managed.name);
    if (known && JSON.stringify(known.limits) === JSON.stringify(limits)) return;
    const watch = new LeakDetector(limits);
    this.#watched.set(managed.name, { limits, watch, rebuilt: this.#remember(managed.name, watch) });
  }

  /** Ends the watch. */
  forget({ name }: Managed): void {
    this.#watched.delete(name);
  }

  /** What is to be said of a fleet now. */
  of({ name }: Managed): LeakStatus {
    const { leak } = this.#watched.get(name)!.watch;
    const { verdict, bytesPerHour, since, cohort, agents, exhaustsAt, words } = leak;
    return { verdict, bytesPerHour, since, cohort, agents, exhaustsAt, words };
  }

  /** Judges a pass. */
  async observe(managed: Managed, pass: MemoryReading): Promise<void> {
    const watched = this.#watched.get(managed.name);
    if (!watched) return;
    await watched.rebuilt;
    if (this.#watched.get(managed.name) !== watched) return;
    const event = watched.watch.observe(pass, this.#parts.host.readMemory().availableBytes);
    if (event) this.#tell(managed.name, event);
    this.#recycle(managed, pass);
  }

  #tell(name: string, { leak }: LeakEvent): void {
    this.#parts.journal.note('leak', name, leak.words, leak.agents);
    this.#parts.store.setSaid(name, JSON.stringify(leak));
  }

  /** What is stored may be damaged: a watch that remembers less is better than none. */
  async #remember(name: string, watch: LeakDetector): Promise<void> {
    try {
      await this.#rebuild(name, watch);
    } catch (error) {
      const { message } = error as Error;
      this.#parts.journal.note('leak', name, `what was known of its memory cannot be read: ${message}`);
    }
  }

  /** Feeds a watch with the stored passes, one a turn of the loop, and tells it what was last said. */
  async #rebuild(name: string, watch: LeakDetector): Promise<void> {
    const { store, host } = this.#parts;
    for (const at of store.times(name, host.date().getTime() - REMEMBERED_MS)) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#watched.get(name)?.watch !== watch) return;
      const pass = store.get(name, at);
      if (pass) watch.observe(pass, null);
    }
    const said = store.said(name);
    if (said !== null) watch.resume(JSON.parse(said) as Leak);
  }

  #recycle(managed: Managed, pass: MemoryReading): void {
    const { fleet } = managed;
    const { leak, update } = fleet.spec;
    if (!leak?.recycle || leak.agentLimitBytes === null) return;
    const limit = leak.agentLimitBytes;
    const heavy: Heavy[] = [];
    for (const [i, rssBytes] of pass.rssBytes.entries())
      if (rssBytes > limit) heavy.push({ slot: pass.slots[i]!, rssBytes });
    const chosen = chooseRecycled(heavy, fleet, update.batch);
    for (const { slot, rssBytes } of chosen) {
      const reason = `${formatSize(rssBytes)} is above leak.agentLimit ${formatSize(limit)}`;
      fleet.recycle(slot, reason, this.#parts.host.now());
    }
    if (chosen.length > 0) this.#parts.wake(managed);
  }
}
