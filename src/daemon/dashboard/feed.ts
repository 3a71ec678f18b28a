import type { ServerResponse } from 'node:http';
import type { FleetUpdate, HostUpdate, Update } from '../../api/dashboard.ts';
import type { FleetEvent } from '../../api/events.ts';
import type { Metrics } from '../report/metrics.ts';
import type { Report } from '../report/report.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { Memory } from '../watches/memory.ts';
import { Backlog } from './backlog.ts';
import { FleetView } from './fleet-view.ts';
import { readTallies } from './tallies.ts';
import { Viewer } from './viewer.ts';

/** The interval at which changes are sent. */
const TICK_MS = 250;
/** The interval at which memory, exits and the host are read. */
const GAUGES_MS = 5_000;
/** The number of events that a browser gets at first; of more in one tick, only the latest are sent. */
const EVENTS_MAX = 200;

/** What the feed is made from. */
export interface FeedParts {
  supervisor: Supervisor;
  report: Report;
  metrics: Metrics;
}

/**
 * One feed: everything once, then the changes, computed once for all browsers. It starts with the first browser and ends
 * with `close`; before and after that, nothing is followed and nothing costs anything.
 */
export class Feed {
  readonly #parts: FeedParts;
  readonly #viewers = new Set<Viewer>();
  readonly #backlog = new Backlog();
  readonly #views = new Map<string, FleetView>();
  readonly #unfollow: (() => void)[];
  #events: FleetEvent[] = [];
  #host: HostUpdate;
  #tick: NodeJS.Timeout | null = null;
  #gauges: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    const { supervisor } = parts;
    this.#unfollow = [
      supervisor.loop.follow(() => this.#soon()),
      supervisor.events.follow((event) => {
        this.#events.push(event);
        if (this.#events.length > EVENTS_MAX) this.#events.shift();
        this.#soon();
      }),
    ];
    this.#host = this.#readHost();
    this.#changes();
    void this.#readGauges();
  }

  /** The number of browsers that follow. */
  get size(): number {
    return this.#viewers.size;
  }

  /** Lets a browser follow from now on, or after its last message if that is still known. */
  join(response: ServerResponse, lastId: string | null): void {
    const viewer = new Viewer(response, lastId, (id) => this.#backlog.since(id) ?? [this.#snapshot()]);
    this.#viewers.add(viewer);
    response.once('close', () => this.#viewers.delete(viewer));
  }

  /** Ends the feed. */
  close(): void {
    this.#isClosed = true;
    for (const unfollow of this.#unfollow) unfollow();
    for (const view of this.#views.values()) view.close();
    if (this.#tick) clearTimeout(this.#tick);
    if (this.#gauges) clearTimeout(this.#gauges);
  }

  #soon(): void {
    this.#tick ??= setTimeout(() => {
      this.#tick = null;
      this.#publish({ ...this.#changes(), events: this.#events.splice(0) });
    }, TICK_MS);
  }

  /** The changes of the fleets. */
  #changes(): Pick<Update, 'fleets' | 'gone'> {
    const { supervisor, report } = this.#parts;
    const gone: string[] = [];
    for (const [name, view] of this.#views) {
      if (supervisor.fleets.get(name) === view.runner) continue;
      view.close();
      this.#views.delete(name);
      gone.push(name);
    }
    for (const [name, runner] of supervisor.fleets)
      if (!this.#views.has(name)) this.#views.set(name, new FleetView(runner, supervisor, report));
    return { gone, fleets: [...this.#views.values()].flatMap((view) => view.changes() ?? []) };
  }

  async #readGauges(): Promise<void> {
    const { log } = this.#parts.supervisor;
    try {
      const fleets: FleetUpdate[] = [];
      for (const view of this.#views.values()) fleets.push(...(await this.#gaugesOf(view)));
      if (this.#isClosed) return;
      this.#host = this.#readHost();
      this.#publish({ fleets, host: this.#host });
      this.#soon();
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'the dashboard cannot read memory');
    }
    if (!this.#isClosed) this.#gauges = setTimeout(() => void this.#readGauges(), GAUGES_MS);
  }

  async #gaugesOf(view: FleetView): Promise<FleetUpdate[]> {
    const { supervisor, metrics } = this.#parts;
    const { runner } = view;
    await runner.watch(Memory).renew();
    const tallies = await readTallies(metrics.counters, runner.name);
    // The fleet may have been removed while memory was read.
    if (supervisor.fleets.get(runner.name) !== runner) return [];
    view.touch();
    return [view.gauges(tallies) ?? []].flat();
  }

  #readHost(): HostUpdate {
    const { supervisor, host, maintenance } = this.#parts.report.status();
    return { supervisor, host, maintenance };
  }

  #publish({ fleets = [], gone = [], events = [], host }: Partial<Update>): void {
    if (fleets.length + gone.length + events.length === 0 && !host) return;
    const update: Update = { isWhole: false, fleets, gone, events, ...(host && { host }) };
    const message = this.#backlog.add(JSON.stringify(update));
    for (const viewer of this.#viewers) viewer.send(message);
  }

  #snapshot() {
    const update: Update = {
      isWhole: true,
      fleets: [...this.#views.values()].map((view) => view.snapshot()),
      gone: [],
      events: this.#parts.supervisor.journal.read(null, 0, EVENTS_MAX),
      host: this.#host,
    };
    return { id: this.#backlog.id, data: JSON.stringify(update) };
  }
}
