import { isDeepStrictEqual } from 'node:util';
import {
  CELL_STATES,
  type Cell,
  type CellState,
  type FleetUpdate,
  type Pulse,
  type RolloutUpdate,
} from '../../api/dashboard.ts';
import { runOf, type Slot } from '../../fleet/agent.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { type Report, shownState } from '../report/report.ts';
import { rolloutDocument } from '../report/rollout.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { Leaks } from '../watches/leaks.ts';
import { Memory } from '../watches/memory.ts';
import type { Tallies } from './tallies.ts';

const GONE = -1;
const UNKNOWN = -1;
const KIB = 1024;
/** Changes of memory below this share are not sent, because nobody could see them. */
const RSS_SHARE_MIN = 1 / 32;
const VERDICTS_MAX = 8;

/** The state of a slot's cell: as in `ps`, or waiting for its first start. */
export function cellState(slot: Slot): CellState {
  return shownState(slot) ?? 'waiting';
}

/** The name of a release for people: its label, if it has one. */
export function releaseName({ fleet }: FleetRunner, id: string): string {
  return fleet.releases.get(id)?.label ?? id;
}

type Sent = Pick<FleetUpdate, 'pulse' | 'rollout' | 'gauges'>;

/** What was sent of a fleet, so that only later changes are sent. Its cost follows what changes. */
export class FleetView {
  readonly runner: FleetRunner;
  readonly #supervisor: Supervisor;
  readonly #report: Report;
  readonly #cells = new Map<number, Cell>();
  readonly #releases: string[] = [];
  readonly #changed = new Set<number>();
  readonly #sent: Sent = {};

  constructor(runner: FleetRunner, supervisor: Supervisor, report: Report) {
    this.runner = runner;
    this.#supervisor = supervisor;
    this.#report = report;
    this.touch();
    runner.fleet.onSlot = (slot) => this.#changed.add(slot);
  }

  /** Marks every cell as possibly changed: memory has moved, which no slot reports. */
  touch(): void {
    for (const slot of this.runner.fleet.slots.keys()) this.#changed.add(slot);
  }

  /** Stops following the fleet. */
  close(): void {
    this.runner.fleet.onSlot = () => {};
  }

  /** The whole fleet, as it was sent. */
  snapshot(): FleetUpdate {
    const releases = this.#labels();
    return { ...this.#sent, name: this.runner.name, releases, cells: [...this.#cells.values()] };
  }

  /** The changes since the last call; null if there are none. */
  changes(): FleetUpdate | null {
    const releasesBefore = this.#releases.length;
    const cells = [...this.#changed].map((slot) => this.#changedCell(slot)).filter((cell) => cell !== null);
    this.#changed.clear();
    const news = this.#differing({ pulse: this.#pulse(), rollout: this.#rollout() });
    if (cells.length > 0) news.cells = cells;
    if (this.#releases.length > releasesBefore) news.releases = this.#labels();
    return Object.keys(news).length > 0 ? { ...news, name: this.runner.name } : null;
  }

  /** The values that are read every few seconds; null if they have not changed. */
  gauges(tallies: Tallies): FleetUpdate | null {
    const { runner } = this;
    const memory = runner.watch(Memory);
    const news = this.#differing({
      gauges: {
        ...memory.totals,
        rss: memory.summary(0).rss,
        leak: runner.watch(Leaks).status,
        ...tallies,
      },
    });
    return news.gauges ? { ...news, name: runner.name } : null;
  }

  /** Those of the values that differ from what was sent. */
  #differing(values: Sent): Omit<FleetUpdate, 'name'> {
    const isNews = ([key, value]: [string, unknown]) =>
      !isDeepStrictEqual(value, this.#sent[key as keyof Sent]);
    const news = Object.fromEntries(Object.entries(values).filter(isNews));
    Object.assign(this.#sent, news);
    return news;
  }

  /** The current cell; null if it looks as it was sent. */
  #changedCell(slot: number): Cell | null {
    const before = this.#cells.get(slot);
    const cell = this.#cell(slot, before);
    if (cell === null) return this.#cells.delete(slot) ? [slot, GONE, UNKNOWN, UNKNOWN, 0] : null;
    if (before?.every((value, index) => value === cell[index])) return null;
    this.#cells.set(slot, cell);
    return cell;
  }

  #cell(number: number, before: Cell | undefined): Cell | null {
    const slot = this.runner.fleet.slots.get(number);
    if (!slot) return null;
    const run = runOf(slot.agent);
    const bytes = run && this.runner.watch(Memory).rssBytes(number);
    const kib = bytes === null ? UNKNOWN : Math.round(bytes / KIB);
    const sent = before?.[3] ?? UNKNOWN;
    const isSeen = sent === UNKNOWN || kib === UNKNOWN || Math.abs(kib - sent) > sent * RSS_SHARE_MIN;
    const state = CELL_STATES.indexOf(cellState(slot));
    return [
      number,
      state,
      this.#releaseIndex(run?.release ?? slot.release),
      isSeen ? kib : sent,
      slot.restarts,
    ];
  }

  #releaseIndex(id: string): number {
    if (id === '') return UNKNOWN;
    const known = this.#releases.indexOf(id);
    return known < 0 ? this.#releases.push(id) - 1 : known;
  }

  #labels(): string[] {
    return this.#releases.map((id) => releaseName(this.runner, id));
  }

  #pulse(): Pulse {
    const { fleet } = this.runner;
    const { name: _, rssBytes, pssBytes, ...counts } = this.#report.counts(this.runner);
    return {
      ...counts,
      unready: fleet.counts.unready,
      // Agents that wait for a start after their pause count as backoff, as in `ps`.
      waiting: fleet.counts.pending + fleet.counts.backoff - counts.backoff,
      round: {
        open: fleet.rounds.size,
        limit: fleet.adaptive?.limit ?? fleet.spec.rounds.parallel,
      },
    };
  }

  #rollout(): RolloutUpdate | null {
    const document = rolloutDocument(this.runner, this.#supervisor.host.now());
    if (!document) return null;
    const { fleet: _, failures, options, ...rollout } = document;
    return {
      ...rollout,
      from: releaseName(this.runner, rollout.from),
      to: releaseName(this.runner, rollout.to),
      verdicts: rollout.verdicts.slice(-VERDICTS_MAX),
    };
  }
}
