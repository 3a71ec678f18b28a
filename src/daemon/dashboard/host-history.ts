import type { HistoryDocument } from '../../api/dashboard.ts';
import type { HostMemory } from '../../fleet/pressure.ts';
import type { Host } from '../../host/host.ts';
import { every } from '../shared/timers.ts';

/** The maximum number of moments that are kept; more than a chart can show. */
const MOMENTS_MAX = 480;
/** The interval between two moments: as often as the page gets them at first, so that a young supervisor has a curve too. */
const INTERVAL_MS = { first: 5_000, last: (24 * 3_600_000) / MOMENTS_MAX } as const;

interface Moment {
  atMs: number;
  usedShare: number;
  stallShare: number | null;
}

/**
 * The memory of the host over time, bounded: when there are too many moments, every other one goes, and new ones come half
 * as often, until they cover a day; then the oldest go.
 */
export class Moments {
  #kept: Moment[] = [];
  #intervalMs: number = INTERVAL_MS.first;

  /** Takes a reading, unless it comes too soon after the last one. @param atMs since the epoch */
  add(atMs: number, { totalBytes, availableBytes, pressurePercent }: HostMemory): void {
    // After a clock was set back, the times that are to come again would be there twice.
    while ((this.#kept.at(-1)?.atMs ?? 0) > atMs) this.#kept.pop();
    // Timers are never exact: half an interval tells one moment from the next.
    const sinceMs = atMs - (this.#kept.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < this.#intervalMs - INTERVAL_MS.first / 2) return;
    this.#kept.push({
      atMs,
      usedShare: 1 - availableBytes / totalBytes,
      stallShare: pressurePercent === null ? null : pressurePercent / 100,
    });
    if (this.#kept.length > MOMENTS_MAX) this.#thin();
  }

  /** The moments as columns, oldest first. */
  get columns(): HistoryDocument['host'] {
    return {
      at: this.#kept.map(({ atMs }) => atMs / 1000),
      usedShare: this.#kept.map(({ usedShare }) => usedShare),
      stallShare: this.#kept.map(({ stallShare }) => stallShare),
    };
  }

  #thin(): void {
    if (this.#intervalMs >= INTERVAL_MS.last) this.#kept.shift();
    else {
      this.#intervalMs = Math.min(2 * this.#intervalMs, INTERVAL_MS.last);
      const newest = this.#kept.length - 1;
      this.#kept = this.#kept.filter((_moment, index) => (newest - index) % 2 === 0);
    }
  }
}

/** Reads the memory of the host as long as the supervisor runs, so that the page has its history when it is opened. */
export class HostHistory {
  readonly #host: Pick<Host, 'memory' | 'date'>;
  readonly #moments = new Moments();
  readonly #end = new AbortController();

  /** @param onProblem called when the memory cannot be read; it is read again later */
  constructor(host: Pick<Host, 'memory' | 'date'>, onProblem: (error: Error) => void) {
    this.#host = host;
    this.#read();
    every(INTERVAL_MS.first, this.#end.signal, () => this.#read(), onProblem);
  }

  /** The memory since the start of the supervisor, at most of the last day. */
  get columns(): HistoryDocument['host'] {
    return this.#moments.columns;
  }

  stop(): void {
    this.#end.abort();
  }

  #read(): void {
    this.#moments.add(this.#host.date().getTime(), this.#host.memory.readMemory());
  }
}
