import type { FleetHistory } from '../../api/dashboard.ts';
import type { ReadingStore } from '../../store/samples.ts';

/** The maximum that a chart can show. */
const POINTS_MAX = 240;
/** The maximum time for which the loop is blocked: reading a pass over 10,000 agents takes one or two milliseconds. */
const SLICE_MS = 10;

type Point = [rssBytes: number, pssBytes: number | null];

/** The memory of fleets over time, for charts: thinned out evenly, and each pass summarised only once. */
export class History {
  readonly #store: ReadingStore;
  readonly #points = new Map<string, Map<number, Point>>();

  constructor(store: ReadingStore) {
    this.#store = store;
  }

  /** The memory of a fleet since a time (milliseconds since the epoch). */
  async read(fleet: string, sinceMs: number): Promise<FleetHistory> {
    const times = thin(this.#store.times(fleet, sinceMs));
    const known = this.#points.get(fleet);
    const points = new Map<number, Point>();
    let begun = performance.now();
    for (const at of times) {
      const point = known?.get(at) ?? this.#sum(fleet, at);
      if (point) points.set(at, point);
      if (performance.now() - begun < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      begun = performance.now();
    }
    this.#points.set(fleet, points);
    return {
      at: [...points.keys()].map((at) => at / 1000),
      rssBytes: [...points.values()].map(([rss]) => rss),
      pssBytes: [...points.values()].map(([, pss]) => pss),
    };
  }

  /** Forgets the summaries, because nobody follows any more. */
  clear(): void {
    this.#points.clear();
  }

  #sum(fleet: string, at: number): Point | null {
    const pass = this.#store.get(fleet, at);
    return pass && [pass.rssBytes.reduce((sum, bytes) => sum + bytes, 0), pass.pssBytes];
  }
}

/** At most POINTS_MAX times, evenly spread, with the newest. */
function thin(times: readonly number[]): number[] {
  const step = Math.ceil(times.length / POINTS_MAX);
  return times.filter((_time, index) => index % step === 0 || index === times.length - 1);
}
