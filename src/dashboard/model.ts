import { conditionOf } from '../api/condition.ts';
import type {
  Cell,
  FleetUpdate,
  Gauges,
  HostUpdate,
  Pulse,
  RolloutUpdate,
  Update,
} from '../api/dashboard.ts';
import type { FleetEvent } from '../api/events.ts';
import { type Condition, troubleOf, worstFirst } from '../supervisor/worst.ts';

/** The maximum number of events kept. */
const EVENTS_MAX = 200;
/** The maximum number of points in a trend: an hour, at one every 5 s. */
const TREND_MAX = 720;

/** Memory of a fleet and of its host at one time, as received by this page. */
export interface Moment {
  /** Seconds since the epoch. */
  at: number;
  rssBytes: number | null;
  pssBytes: number | null;
  /** Share of the host's memory in use. */
  usedShare: number | null;
  /** Share of time in which some tasks waited for memory, in percent. */
  stallPercent: number | null;
}

/** What the page knows about a fleet. */
export interface FleetModel {
  name: string;
  releases: string[];
  /** By slot. */
  cells: Map<number, Cell>;
  /** Slots in the order of the map. */
  order: number[];
  pulse: Pulse | null;
  gauges: Gauges | null;
  rollout: RolloutUpdate | null;
  trend: Moment[];
}

/** The changes of a fleet by an update. */
export interface FleetChange {
  /** Slots whose cells have changed. */
  slots: number[];
  /** Whether slots came or went, so that the map needs a new layout. */
  isReshaped: boolean;
}

/** Everything that the page knows. Updates change it; it is independent of the display. */
export class Model {
  readonly fleets = new Map<string, FleetModel>();
  /** Newest first. */
  events: FleetEvent[] = [];
  host: HostUpdate | null = null;
  /** The fleet that is shown unless another one is chosen. */
  #opened = '';

  /**
   * Applies an update.
   * @param at when it arrived, in seconds since the epoch
   * @returns the changes by fleet
   */
  apply(update: Update, at: number): Map<string, FleetChange> {
    if (update.isWhole) this.fleets.clear();
    for (const name of update.gone) this.fleets.delete(name);
    this.host = update.host ?? this.host;
    this.#takeEvents(update);
    const changes = new Map<string, FleetChange>();
    for (const fleet of update.fleets) changes.set(fleet.name, this.#applyFleet(fleet, update.isWhole, at));
    if (!this.fleets.has(this.#opened)) this.#opened = this.#worst();
    return changes;
  }

  /** The fleet with this name, or else the one that was in the worst trouble when the page was opened. */
  choose(name: string | null): FleetModel | null {
    return this.fleets.get(name ?? '') ?? this.fleets.get(this.#opened) ?? null;
  }

  #worst(): string {
    const fleets = [...this.fleets.values()];
    const known = fleets.flatMap((fleet) => conditionIn(fleet) ?? []);
    return worstFirst(known, 0, (condition) => condition).others[0]?.name ?? fleets[0]?.name ?? '';
  }

  /** The events of a fleet and those of the supervisor, newest first. */
  eventsOf(name: string): FleetEvent[] {
    return this.events.filter(({ fleet }) => fleet === null || fleet === name);
  }

  #takeEvents({ isWhole, events }: Update): void {
    const newest = isWhole ? 0 : (this.events[0]?.seq ?? 0);
    // Events of a whole update may be repeated in the next one.
    const fresh = events.filter(({ seq }) => seq > newest).reverse();
    this.events = [...fresh, ...(isWhole ? [] : this.events)].slice(0, EVENTS_MAX);
  }

  #applyFleet(update: FleetUpdate, isWhole: boolean, at: number): FleetChange {
    const fleet = this.fleets.get(update.name) ?? newFleet(update.name);
    this.fleets.set(update.name, fleet);
    fleet.releases = update.releases ?? fleet.releases;
    fleet.pulse = update.pulse ?? fleet.pulse;
    fleet.rollout = update.rollout === undefined ? fleet.rollout : update.rollout;
    if (update.gauges) this.#remember(fleet, update.gauges, at);
    const isReshaped = takeCells(fleet, update.cells ?? []) || isWhole;
    if (isReshaped) fleet.order = [...fleet.cells.keys()].sort((a, b) => a - b);
    return { slots: (update.cells ?? []).map(([slot]) => slot), isReshaped };
  }

  #remember(fleet: FleetModel, gauges: Gauges, at: number): void {
    fleet.gauges = gauges;
    const host = this.host?.host;
    fleet.trend.push({
      at,
      rssBytes: gauges.rssBytes,
      pssBytes: gauges.pssBytes,
      usedShare: host ? 1 - host.memoryAvailableBytes / host.memoryTotalBytes : null,
      stallPercent: host?.memoryPressure ?? null,
    });
    if (fleet.trend.length > TREND_MAX) fleet.trend.shift();
  }
}

/** The worst trouble of a fleet in a word or two; null if there is none. */
export function troubleIn(fleet: FleetModel): string | null {
  const condition = conditionIn(fleet);
  return condition && troubleOf(condition);
}

function conditionIn({ name, pulse, gauges, rollout }: FleetModel): Condition | null {
  return pulse && conditionOf({ ...pulse, name, leak: gauges?.leak ?? null, rollout });
}

function newFleet(name: string): FleetModel {
  return {
    name,
    releases: [],
    cells: new Map(),
    order: [],
    pulse: null,
    gauges: null,
    rollout: null,
    trend: [],
  };
}

/** Takes changed cells, and returns whether slots came or went. */
function takeCells({ cells }: FleetModel, changed: readonly Cell[]): boolean {
  const before = cells.size;
  let isReshaped = false;
  for (const cell of changed) {
    const [slot, state] = cell;
    if (state < 0) isReshaped = cells.delete(slot) || isReshaped;
    else cells.set(slot, cell);
  }
  return isReshaped || cells.size !== before;
}
