import type { Gauges, HistoryDocument } from '../api/dashboard.ts';
import { formatCount, formatDuration } from '../specification/units.ts';
import { BYTES, barChart, Chart, SHARES, timeChart } from './charts.ts';
import { size } from './describe.ts';
import { byId, setText } from './dom.ts';
import type { FleetModel } from './model.ts';
import { fetchHistory } from './requests.ts';

/** Samples of the curves' lines, for the text above a chart. */
const SOLID = '━';
const DASHED = '╍';

const NO_HISTORY: HistoryDocument = {
  at: [],
  rssBytes: [],
  pssBytes: [],
  host: { at: [], usedShare: [], stallShare: [] },
};

/** The charts of one fleet, each with a line of text. */
export class Graphs {
  #names: string[] = [];
  readonly #memory = new Chart(
    byId('memory'),
    timeChart(
      [
        { label: 'RSS', colour: '--curve-1' },
        { label: 'PSS', colour: '--curve-2', isDashed: true },
      ],
      BYTES,
    ),
  );
  readonly #readiness = new Chart(
    byId('readiness'),
    barChart(() => this.#names, '--curve-1'),
  );
  readonly #pressure = new Chart(
    byId('pressure'),
    timeChart(
      [
        { label: 'used', colour: '--curve-1' },
        { label: 'tasks stalled', colour: '--curve-3', isDashed: true },
      ],
      SHARES,
      1,
    ),
  );
  #history: HistoryDocument | null = null;
  #fleet: string | null = null;

  /** Shows the present state of a fleet; requests its history when the fleet is first shown. */
  async show(fleet: FleetModel): Promise<void> {
    if (this.#fleet !== fleet.name) {
      this.#fleet = fleet.name;
      this.#history = null;
      const history = await fetchHistory(fleet.name);
      if (this.#fleet === fleet.name) this.#history = history;
    }
    if (!fleet.gauges || this.#fleet !== fleet.name) return;
    this.#showMemory(fleet, fleet.gauges);
    this.#showReadiness(fleet.gauges);
    this.#showPressure(fleet);
  }

  /** Rebuilds the charts with the present colours and widths. */
  rebuild(): void {
    for (const chart of [this.#memory, this.#readiness, this.#pressure]) chart.rebuild();
  }

  #showMemory({ trend }: FleetModel, { rssBytes, pssBytes, rss, leak }: Gauges): void {
    const before = this.#history ?? NO_HISTORY;
    // Readings that were taken while the page was open are in both.
    const fresh = trend.filter(({ at }) => at > (before.at.at(-1) ?? 0));
    const each = rss ? ` · per agent ${size(rss.p50)}, 99 % ${size(rss.p99)}` : '';
    const now = `${SOLID} RSS ${size(rssBytes)} · ${DASHED} PSS ${size(pssBytes)}${each}`;
    setText(byId('memory-now'), now);
    setText(byId('leak'), leak.words);
    byId('leak').dataset.verdict = leak.verdict;
    this.#memory.show(
      [
        [...before.at, ...fresh.map(({ at }) => at)],
        [...before.rssBytes, ...fresh.map((moment) => moment.rssBytes)],
        [...before.pssBytes, ...fresh.map((moment) => moment.pssBytes)],
      ],
      `Memory over time; now ${now}`,
    );
  }

  #showReadiness({ readySeconds }: Gauges): void {
    const used = trim(readySeconds);
    const total = used.reduce((sum, { count }) => sum + count, 0);
    this.#names = used.map(({ atMost }) => String(atMost ?? 'more'));
    const now =
      total === 0
        ? 'no starts yet'
        : `median ${median(used, total)} · ${formatCount(total)} starts, by seconds`;
    setText(byId('readiness-now'), now);
    this.#readiness.show(
      [used.map((_bucket, index) => index), used.map(({ count }) => count)],
      `Starts by the time until they were ready: ${now}`,
    );
  }

  #showPressure({ trend }: FleetModel): void {
    const { usedShare, stallPercent } = trend.at(-1)!;
    const stalled = stallPercent === null ? '' : ` · ${DASHED} stalled ${stallPercent} %`;
    const now = usedShare === null ? '–' : `${SOLID} used ${Math.round(100 * usedShare)} %${stalled}`;
    setText(byId('pressure-now'), now);
    const before = (this.#history ?? NO_HISTORY).host;
    const fresh = trend.filter(({ at }) => at > (before.at.at(-1) ?? 0));
    this.#pressure.show(
      [
        [...before.at, ...fresh.map(({ at }) => at)],
        [...before.usedShare, ...fresh.map((moment) => moment.usedShare)],
        [
          ...before.stallShare,
          ...fresh.map(({ stallPercent }) => (stallPercent === null ? null : stallPercent / 100)),
        ],
      ],
      `Memory of the host over time; now ${now}`,
    );
  }
}

/** The buckets from just before the first non-empty one to just after the last. */
function trim(buckets: Gauges['readySeconds']): Gauges['readySeconds'] {
  const first = buckets.findIndex(({ count }) => count > 0);
  const last = buckets.findLastIndex(({ count }) => count > 0);
  return first < 0 ? [] : buckets.slice(Math.max(0, first - 1), last + 2);
}

/** The upper bound of the bucket that holds the median start. */
function median(buckets: Gauges['readySeconds'], total: number): string {
  let sum = 0;
  const middle = buckets.find(({ count }) => {
    sum += count;
    return 2 * sum >= total;
  });
  return middle?.atMost == null ? 'longer than all buckets' : `≤ ${formatDuration(middle.atMost * 1000)}`;
}
