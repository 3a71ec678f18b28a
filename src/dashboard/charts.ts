import uPlot from 'uplot';
import { formatCount, formatSize } from '../specification/units.ts';
import { timeOfDay } from './describe.ts';

/** A curve of a chart. */
export interface Curve {
  label: string;
  /** The CSS variable of its colour. */
  colour: string;
  isDashed?: boolean;
}

type Column = readonly (number | null)[];
/** A scale of values: their format, and the possible distances of grid lines. */
export interface Scale {
  format: (value: number) => string;
  steps: number[];
}
type Options = (width: number, height: number) => uPlot.Options;

const BAR_SHARE = 0.86;
/** The factor that keeps curves off the upper edge. */
const HEADROOM = 1.1;

/** Bytes, in powers of two, so that sizes are round. */
export const BYTES: Scale = {
  format: formatSize,
  steps: Array.from({ length: 45 }, (_, power) => 2 ** power),
};
/** Shares, in percent. */
export const SHARES: Scale = {
  format: (value) => `${Math.round(value * 100)} %`,
  steps: [0.05, 0.1, 0.25, 0.5],
};
/** Numbers of agents. */
const COUNTS: Scale = {
  format: formatCount,
  steps: [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power)),
};
/** The minimum time span of a chart, in seconds: otherwise the first points of a page would look like a trend. */
const SPAN_MIN = 300;

/** A chart in a panel: rebuilt when theme or width changes, otherwise only updated. */
export class Chart {
  readonly #holder: HTMLElement;
  readonly #options: Options;
  #plot: uPlot | null = null;
  #data: uPlot.AlignedData = [[]];

  constructor(holder: HTMLElement, options: Options) {
    this.#holder = holder;
    this.#options = options;
  }

  /** Shows these columns, the first of which is the x axis, with a description for screen readers. */
  show(columns: readonly Column[], description: string): void {
    this.#data = columns as uPlot.AlignedData;
    this.#holder.setAttribute('aria-label', description);
    if (this.#plot) this.#plot.setData(this.#data);
    else this.rebuild();
  }

  /** Builds the chart with the present colours and width. */
  rebuild(): void {
    this.#plot?.destroy();
    this.#plot = new uPlot(
      this.#options(this.#holder.clientWidth, this.#holder.clientHeight),
      this.#data,
      this.#holder,
    );
  }
}

/** Curves over time, from 0 to `most`, or to the largest value. */
export function timeChart(curves: readonly Curve[], scale: Scale, most?: number): Options {
  return (width, height) => ({
    ...common(width, height),
    scales: {
      x: { time: true, range: ({ data: [times] }) => span(times) },
      y: { range: (_plot, _min, max) => [0, most ?? (max > 0 ? max * HEADROOM : 1)] },
    },
    axes: [{ ...axis(24), values: (_plot, ticks) => ticks.map(clock) }, valueAxis(scale)],
    series: [
      {},
      ...curves.map(({ label, colour, isDashed }) => ({
        label,
        stroke: variable(colour),
        width: 2,
        points: { show: false },
        spanGaps: true,
        ...(isDashed && { dash: [6, 4] }),
      })),
    ],
  });
}

/** Bars with names below them. */
export function barChart(names: () => readonly string[], colour: string): Options {
  return (width, height) => ({
    ...common(width, height),
    scales: {
      x: { time: false, range: () => [-0.5, Math.max(1, names().length) - 0.5] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * HEADROOM : 1] },
    },
    axes: [
      {
        ...axis(24),
        splits: () => names().map((_name, index) => index),
        values: () => [...names()],
        grid: { show: false },
      },
      valueAxis(COUNTS),
    ],
    series: [
      {},
      {
        fill: variable(colour),
        width: 0,
        paths: uPlot.paths.bars!({ size: [BAR_SHARE, 60] }),
        points: { show: false },
      },
    ],
  });
}

/** The range of the times; by default, uPlot shows a whole day for a single one. */
function span(times: ArrayLike<number>): [number, number] {
  const last = times[times.length - 1] ?? 0;
  return [Math.min(times[0] ?? last, last - SPAN_MIN), last];
}

type Common = Pick<uPlot.Options, 'width' | 'height' | 'legend' | 'cursor' | 'padding'>;

function common(width: number, height: number): Common {
  return { width, height, legend: { show: false }, cursor: { show: false }, padding: [8, 8, 0, 0] };
}

function valueAxis({ format, steps }: Scale): uPlot.Axis {
  return { ...axis(52), incrs: steps, values: (_plot, ticks) => ticks.map(format) };
}

function axis(size: number): uPlot.Axis {
  const line = { stroke: variable('--line'), width: 1 };
  const ticks = { ...line, size: 4 };
  return { stroke: variable('--muted'), font: '11px system-ui, sans-serif', size, grid: line, ticks };
}

/** A time of day, from seconds since the epoch: `17:04`, with seconds unless they are 0. */
function clock(at: number): string {
  const time = timeOfDay(at * 1000);
  return time.endsWith(':00') ? time.slice(0, -3) : time;
}

/** The value of a CSS variable. */
function variable(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
