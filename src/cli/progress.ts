import type { WriteStream } from 'node:tty';
import type { WatchLine } from '../api/watch.ts';
import { formatCount, formatElapsed } from './format.ts';
import { withoutControls } from './plain.ts';
import { isTerminal } from './style.ts';

export type ProgressLine = Extract<WatchLine, { kind: 'progress' }>;

export interface Progress {
  update(line: ProgressLine): void;
  /** Prints a message between the states. */
  note(text: string): void;
  /** Shows the last state and ends the line. */
  finish(): void;
}

const REDRAW_MS_MIN = 100;
const PLAIN_LINE_MS = 5000;
const RATE_WINDOW_MS = 20_000;
const BAR_WIDTH = 24;

/** What `done` counts, or a function that writes the whole line. */
type Description = string | ((line: ProgressLine) => string);

/** Progress on stderr: one line redrawn in place on a terminal, occasional lines elsewhere. */
export function progressOn(
  stream: WriteStream,
  what: Description,
  now: () => number = () => performance.now(),
): Progress {
  const rate = rateMeter(now);
  return isTerminal(stream) ? barOn(stream, what, rate, now) : plainLinesOn(stream, what, rate, now);
}

function barOn(stream: WriteStream, what: Description, rate: RateMeter, now: () => number): Progress {
  let latest: ProgressLine | null = null;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    if (latest === null) return;
    const text = `${bar(latest)} ${describe(latest, what, rate)}`;
    stream.write(`\r${withoutControls(text).slice(0, (stream.columns || 80) - 1)}\x1b[K`);
    drawnAt = now();
  };
  return {
    update(line) {
      latest = line;
      rate.add(line.done);
      if (now() - drawnAt >= REDRAW_MS_MIN) draw();
    },
    note(text) {
      stream.write(`\r\x1b[K${text}\n`);
      draw();
    },
    finish() {
      if (latest === null) return;
      draw();
      stream.write('\n');
    },
  };
}

function plainLinesOn(stream: WriteStream, what: Description, rate: RateMeter, now: () => number): Progress {
  let printedAt = Number.NEGATIVE_INFINITY;
  let printedText = '';
  let printedTenth = -1;
  let latest: ProgressLine | null = null;
  const printState = (): void => {
    if (latest === null) return;
    const text = describe(latest, what, rate);
    if (text !== printedText) stream.write(`${withoutControls(text)}\n`);
    printedText = text;
    printedAt = now();
    printedTenth = tenthOf(latest);
  };
  return {
    update(line) {
      latest = line;
      rate.add(line.done);
      if (tenthOf(line) !== printedTenth || now() - printedAt >= PLAIN_LINE_MS) printState();
    },
    note: (text) => stream.write(`${text}\n`),
    finish: printState,
  };
}

function tenthOf({ done, of }: ProgressLine): number {
  return of === 0 ? 10 : Math.floor((10 * done) / of);
}

function bar({ done, of }: ProgressLine): string {
  const filled = of === 0 ? BAR_WIDTH : Math.min(BAR_WIDTH, Math.floor((BAR_WIDTH * done) / of));
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

/** `web: 620 of 1,000 ready, 15 starting, 3 backoff, 52/s, 7s left`. */
function describe(line: ProgressLine, what: Description, rate: RateMeter): string {
  if (typeof what === 'function') return what(line);
  const { done, of, counts } = line;
  const others = (['starting', 'stopping', 'backoff', 'failed'] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => `${formatCount(counts[state])} ${state}`);
  return [
    `${counts.name}: ${formatCount(done)} of ${formatCount(of)} ${what}`,
    ...others,
    ...rate.describe(of - done),
  ].join(', ');
}

interface RateMeter {
  add(done: number): void;
  /** The rate and the time left; empty while they are unknown. */
  describe(left: number): string[];
}

function rateMeter(now: () => number): RateMeter {
  let marks: { at: number; done: number }[] = [];
  return {
    add(done) {
      const at = now();
      const newest = marks.at(-1);
      if (newest && at - newest.at < REDRAW_MS_MIN) return;
      marks = [...marks.filter((mark) => at - mark.at <= RATE_WINDOW_MS), { at, done }];
    },
    describe(left) {
      const [oldest] = marks;
      const newest = marks.at(-1);
      if (!oldest || !newest || newest.at === oldest.at || left <= 0) return [];
      const perSecond = (1000 * (newest.done - oldest.done)) / (newest.at - oldest.at);
      if (perSecond <= 0) return [];
      const rate = perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
      return [`${rate}/s`, `${formatElapsed((1000 * left) / perSecond)} left`];
    },
  };
}
