import type { LogText } from '../../api/logs.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { formatSlots, parseSlots, SLOT_MAX } from '../../specification/slots.ts';
import { ANSWER_MS_MAX } from '../client.ts';
import type { Context } from '../context.ts';
import { chooseFleet } from '../fleet.ts';
import { inOrder, type LogLine, timeOf } from '../log-order.ts';
import { durationMs, wholeNumber } from '../numbers.ts';
import { printJson, printMessage } from '../output.ts';
import { visibleControls } from '../plain.ts';
import { type Paint, paintFor } from '../style.ts';

const LINES_DEFAULT = { one: 100, many: 10 } as const;
/** With --since and --grep, all lines that there are. */
const LINES_MAX = 100_000;

/** What the user wants to see. */
interface Wanted {
  /** A single slot, without a prefix; null: many. */
  slot: number | null;
  /** As the API takes them; null: all. */
  slots: string | null;
  lines: number;
  lastMs: number | null;
  pattern: RegExp | null;
}

/** fleetctl logs: prints the output of agents, unchanged into a pipe, made harmless on a terminal. */
export async function run(context: Context): Promise<number> {
  const { client, json, options } = context;
  const wanted = wantedOf(context);
  const { slot, slots, lines, lastMs } = wanted;
  const fleet = await chooseFleet(context);
  const limits = options.follow ? {} : { silenceMsMax: ANSWER_MS_MAX };
  if (slot !== null && !json && lastMs === null && wanted.pattern === null) {
    const { spec } = await client.call('fleet', { fleet });
    // Byte for byte, where that is all there is.
    if (spec?.logs.stderr !== 'separate') {
      await copy(client.bytes('log', { fleet, slot, lines, follow: options.follow }, limits));
      return 0;
    }
  }
  const shown = new Shown(fleet, wanted, json, slot === null ? await digitsOf(context, fleet, slots) : 0);
  const query = { fleet, slots, lines, lastMs, follow: options.follow };
  for await (const text of client.lines('logs', query, limits)) await shown.add(text);
  shown.end();
  return 0;
}

/** @throws FleetError USAGE */
function wantedOf({ args: [written], options }: Context): Wanted {
  const { all, slots, since, grep } = options;
  if ([written, slots, all].filter((each) => each !== undefined).length !== 1) {
    throw new FleetError('USAGE', 'logs takes exactly one of SLOT, --slots and --all');
  }
  const slot = written === undefined ? null : wholeNumber(written, 'SLOT', 0, SLOT_MAX);
  const lastMs = since === undefined ? null : durationMs(since, '--since');
  const pattern = grep === undefined ? null : patternOf(grep);
  const usual = lastMs !== null || pattern ? LINES_MAX : LINES_DEFAULT[slot === null ? 'many' : 'one'];
  const lines = options.lines === undefined ? usual : wholeNumber(options.lines, '--lines');
  const chosen = slot === null ? slots : String(slot);
  return {
    slot,
    slots: chosen === undefined ? null : formatSlots(parseSlots(chosen)),
    lines,
    lastMs,
    pattern,
  };
}

/** Evaluated here, never in the supervisor: an expression that takes for ever takes the time of its user. */
function patternOf(written: string): RegExp {
  try {
    return new RegExp(written);
  } catch (error) {
    const { message } = error as Error;
    throw new FleetError('USAGE', `--grep: ${message}`, {
      hint: 'Write a regular expression of JavaScript; (?i:error) ignores case, \\. is a dot.',
    });
  }
}

/** How many digits the highest slot has. */
async function digitsOf({ client }: Context, fleet: string, slots: string | null): Promise<number> {
  if (slots !== null) return String(Math.max(...parseSlots(slots))).length;
  const { fleets } = await client.call('status');
  return String(Math.max(0, (fleets.find(({ name }) => name === fleet)?.target ?? 0) - 1)).length;
}

async function copy(output: AsyncIterable<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of output)
    await written(process.stdout.isTTY ? visibleControls(decoder.decode(chunk, { stream: true })) : chunk);
}

function written(content: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(content, () => resolve()));
}

/** Prints lines, and notes where their order is unknown. */
class Shown {
  readonly #fleet: string;
  readonly #wanted: Wanted;
  readonly #json: boolean;
  readonly #digits: number;
  readonly #paint: Paint = paintFor(process.stdout);
  readonly #since: number | null;
  /** The streams whose last line with a time was too old. */
  readonly #old = new Set<string>();
  /** The longest time within which the order of some lines is unknown; infinite if it is unknown when they were written. */
  #unorderedMs = 0;

  constructor(fleet: string, wanted: Wanted, json: boolean, digits: number) {
    this.#fleet = fleet;
    this.#wanted = wanted;
    this.#json = json;
    this.#digits = digits;
    this.#since = wanted.lastMs === null ? null : Date.now() - wanted.lastMs;
  }

  /** Resolves when it is written: a slow reader of the output slows down what is read. */
  async add({ slot, stdout, stderr, from, until }: LogText): Promise<void> {
    const { lines, isKnown } =
      stderr === null
        ? { lines: linesIn(stdout).map((line): LogLine => ({ stream: null, line })), isKnown: true }
        : inOrder(linesIn(stdout), linesIn(stderr));
    const chosen = this.#chosen(slot, lines);
    if (!isKnown && new Set(chosen.map(({ stream }) => stream)).size > 1) {
      const ms =
        from === null || until === null ? Number.POSITIVE_INFINITY : Date.parse(until) - Date.parse(from);
      this.#unorderedMs = Math.max(this.#unorderedMs, ms);
    }
    if (this.#json)
      for (const { stream, line } of chosen) printJson({ fleet: this.#fleet, slot, stream, line });
    else if (chosen.length > 0) await written(chosen.map((line) => this.#line(slot, line)).join(''));
  }

  end(): void {
    if (this.#unorderedMs === 0) return;
    const where = Number.isFinite(this.#unorderedMs)
      ? `is known to within ${Math.ceil(this.#unorderedMs / 1_000)} s`
      : 'is unknown for what was written before the supervisor looked';
    printMessage(`note: the order of stdout and stderr ${where}; within that, stdout comes first`);
  }

  /** The lines of the time and the pattern that are wanted. A line without a time is as old as the one before it. */
  #chosen(slot: number, lines: readonly LogLine[]): readonly LogLine[] {
    const { pattern } = this.#wanted;
    return lines.filter(({ stream, line }) => {
      const key = `${slot} ${stream}`;
      const time = this.#since === null ? null : timeOf(line);
      if (time !== null && time < this.#since!) this.#old.add(key);
      else if (time !== null) this.#old.delete(key);
      return !this.#old.has(key) && (pattern === null || pattern.test(line));
    });
  }

  #line(slot: number, { stream, line }: LogLine): string {
    const text = process.stdout.isTTY ? visibleControls(line) : line;
    if (this.#wanted.slot !== null) return `${text}\n`;
    const isError = stream === 'stderr';
    const prefix = `${String(slot).padStart(this.#digits)} ${isError ? '!' : '|'}`;
    return `${this.#paint(isError ? 'red' : 'dim', prefix)} ${text}\n`;
  }
}

function linesIn(text: string): string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}
