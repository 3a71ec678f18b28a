import type { ServerResponse } from 'node:http';
import type { FleetUpdate, HostUpdate, Update } from '../../api/dashboard.ts';
import type { FleetEvent } from '../../api/protocol.ts';
import type { Metrics } from '../metrics.ts';
import type { Report } from '../report.ts';
import type { Supervisor } from '../supervisor.ts';
import { FleetView } from './fleet-view.ts';
import { readTallies } from './tallies.ts';
import { type Message, Viewer } from './viewer.ts';

/** What changes is told at most so often. */
const TICK_MS = 250;
/** Memory, exits and the host are looked at so often. */
const GAUGES_MS = 5_000;
/** Browsers that may follow at once. */
const VIEWERS_MAX = 16;
/** So many updates are kept for those who were cut off, or read slowly. */
const KEPT_MAX = 128;
/** A browser that was cut off may find its place again for so long after the last one has gone. */
const LINGER_MS = 15_000;
/** So many events a browser gets at first. */
const EVENTS_FIRST = 200;
/** More than so many a tick nobody could read: the latest are told. */
const EVENTS_MAX = 200;

interface Parts {
  supervisor: Supervisor;
  report: Report;
  metrics: Metrics;
}

/**
 * What browsers follow: everything once, then what has changed, worked out once for all of them. Where nobody watches,
 * nothing is followed and nothing costs anything.
 */
export class Feed {
  readonly #parts: Parts;
  readonly #viewers = new Set<Viewer>();
  /** Tells messages of this stretch of watching from those of an earlier one, or of an earlier supervisor. */
  #epoch = '';
  #seq = 0;
  readonly #kept: Message[] = [];
  readonly #views = new Map<string, FleetView>();
  #events: FleetEvent[] = [];
  #host: HostUpdate | null = null;
  #tick: NodeJS.Timeout | null = null;
  #stop: (() => void) | null = null;
  #lingering: NodeJS.Timeout | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Lets a browser follow from now on, or from its last message where that is still known.
   * @returns false where too many follow already
   */
  watch(response: ServerResponse, lastId: string | null): boolean {
    if (this.#viewers.size >= VIEWERS_MAX) return false;
    if (this.#lingering) clearTimeout(this.#lingering);
    if (!this.#stop) this.#start();
    const viewer = new Viewer(response, lastId, (last) => this.#since(last));
    this.#viewers.add(viewer);
    response.once('close', () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#lingering = setTimeout(() => this.close(), LINGER_MS);
    });
    return true;
  }

  /** Follows nothing any more. */
  close(): void {
    if (this.#lingering) clearTimeout(this.#lingering);
    this.#stop?.();
    this.#stop = null;
  }

  #start(): void {
    const { supervisor } = this.#parts;
    this.#epoch = Date.now().toString(36);
    const unwatch = supervisor.onTurn(() => this.#soon());
    const unfollow = supervisor.events.follow((event) => {
      this.#events.push(event);
      if (this.#events.length > EVENTS_MAX) this.#events.shift();
      this.#soon();
    });
    const gauges = setInterval(() => void this.#lookAtGauges(), GAUGES_MS);
    this.#stop = () => {
      unwatch();
      unfollow();
      clearInterval(gauges);
      if (this.#tick) clearTimeout(this.#tick);
      this.#tick = null;
      for (const view of this.#views.values()) view.close();
      this.#views.clear();
      this.#kept.length = 0;
      this.#events = [];
    };
    this.#host = this.#lookAtHost();
    this.#changes();
    void this.#lookAtGauges();
  }

  #soon(): void {
    this.#tick ??= setTimeout(() => {
      this.#tick = null;
      this.#publish({ ...this.#changes(), events: this.#events.splice(0) });
    }, TICK_MS);
  }

  /** What has changed of the fleets. */
  #changes(): Pick<Update, 'fleets' | 'gone'> {
    const { supervisor, report } = this.#parts;
    const gone = [...this.#views].flatMap(([name, view]) => {
      if (supervisor.fleets.get(name) === view.managed) return [];
      view.close();
      this.#views.delete(name);
      return name;
    });
    for (const [name, managed] of supervisor.fleets)
      if (!this.#views.has(name)) this.#views.set(name, new FleetView(managed, supervisor, report));
    return { gone, fleets: [...this.#views.values()].flatMap((view) => view.changes() ?? []) };
  }

  async #lookAtGauges(): Promise<void> {
    const { supervisor, metrics } = this.#parts;
    const fleets: FleetUpdate[] = [];
    for (const view of this.#views.values()) {
      await supervisor.memory.renew(view.managed);
      const tallies = await readTallies(metrics.counters, view.managed.name);
      view.touch();
      fleets.push(...[view.gauges(tallies) ?? []].flat());
    }
    if (!this.#stop) return;
    this.#host = this.#lookAtHost();
    this.#publish({ fleets, host: this.#host });
    this.#soon();
  }

  #lookAtHost(): HostUpdate {
    const { supervisor, host, maintenance } = this.#parts.report.status();
    return { supervisor, host, maintenance };
  }

  #publish(update: Partial<Update>): void {
    const { fleets = [], gone = [], events = [] } = update;
    if (fleets.length + gone.length + events.length === 0 && !update.host) return;
    const message = {
      id: `${this.#epoch}.${++this.#seq}`,
      data: JSON.stringify({
        isWhole: false,
        fleets,
        gone,
        events,
        ...(update.host && { host: update.host }),
      }),
    };
    this.#kept.push(message);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    for (const viewer of this.#viewers) viewer.send(message);
  }

  /** What somebody is to be told whose last message was this: what came after it, or everything. */
  #since(lastId: string | null): Message[] {
    if (lastId === `${this.#epoch}.${this.#seq}`) return [];
    const last = this.#kept.findIndex(({ id }) => id === lastId);
    return last < 0 ? [this.#whole()] : this.#kept.slice(last + 1);
  }

  #whole(): Message {
    const update: Update = {
      isWhole: true,
      fleets: [...this.#views.values()].map((view) => view.whole()),
      gone: [],
      events: this.#parts.supervisor.journal.read(null, 0, EVENTS_FIRST),
      ...(this.#host && { host: this.#host }),
    };
    return { id: `${this.#epoch}.${this.#seq}`, data: JSON.stringify(update) };
  }
}
