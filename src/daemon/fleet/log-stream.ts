import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { LogText } from '../../api/logs.ts';
import type { LogFiles, ReadProblem } from '../../host/host.ts';
import type { FleetContext } from './context.ts';
import { Output, type SlotLog } from './output.ts';

/** A follower of few logs looks at them more often than one of many, which costs some 10 µs for each. */
const POLL_MS = { few: 200, many: 1_000 } as const;
const FEW = 32;
/** How many slots are looked at before others have a turn. */
const SLOTS_PER_TURN = 128;
/** A line longer than this comes in pieces. */
const LINE_BYTES_MAX = 64 * 1024;
/** How much of one slot is sent before the next one has its turn. */
const TURN_BYTES_MAX = 1024 * 1024;
const NEWLINE = 0x0a;

/** What is wanted of the logs of a fleet. */
export interface Wanted {
  /** null: all slots, also those that come later. */
  slots: readonly number[] | null;
  /** How many lines from the end, of each log. */
  lines: number;
  /** Only what was written since then, as far as that is known: milliseconds since 1970. */
  since: number | null;
  follow: boolean;
}

/** Where a follower is in the two logs of a slot, and where each ended at its last look. */
interface Place {
  positions: [number, number];
  ends: [number, number];
}

/**
 * The output of many slots: first what was written, slot by slot and in order of time as far as that is known; then, if
 * requested, what is added, until `signal` aborts. What comes holds whole lines. Nothing is kept of a line that is not
 * complete but where it begins, so memory follows neither the length of lines nor, but for a few numbers, the slots.
 */
export async function* streamLogs(
  context: FleetContext,
  wanted: Wanted,
  signal: AbortSignal,
): AsyncGenerator<LogText> {
  const stream = new LogStream(context, wanted);
  yield* stream.history(signal);
  if (!wanted.follow) return;
  while (!signal.aborted) {
    const hasMore = yield* stream.additions(signal);
    if (!hasMore) await sleep(stream.pollMs, undefined, { signal }).catch(() => {});
  }
}

class LogStream {
  readonly #output: Output;
  readonly #files: LogFiles;
  readonly #context: FleetContext;
  readonly #wanted: Wanted;
  readonly #places = new Map<number, Place>();
  #lookedAt: number;

  constructor(context: FleetContext, wanted: Wanted) {
    this.#context = context;
    this.#output = context.watch(Output);
    this.#files = context.services.host.files.logs;
    this.#wanted = wanted;
    this.#lookedAt = this.#now();
  }

  get pollMs(): number {
    return this.#places.size <= FEW ? POLL_MS.few : POLL_MS.many;
  }

  async *history(signal: AbortSignal): AsyncGenerator<LogText> {
    for (const slot of this.#slots()) {
      if (signal.aborted) return;
      const logs = this.#output.logs(slot);
      if (logs.length > 0) yield* this.#historyOf(slot, logs);
    }
  }

  /** What was added since the last look. @returns whether there is more already */
  async *additions(signal: AbortSignal): AsyncGenerator<LogText, boolean> {
    const between = { from: this.#lookedAt, until: this.#now() };
    this.#lookedAt = between.until;
    let hasMore = false;
    let looked = 0;
    for (const slot of this.#slots()) {
      if (signal.aborted) return false;
      if (++looked % SLOTS_PER_TURN === 0) await nextTurn();
      hasMore = (yield* this.#added(slot, between)) || hasMore;
    }
    return hasMore;
  }

  /** @returns whether there is more already */
  async *#added(slot: number, between: Between): AsyncGenerator<LogText, boolean> {
    const ends = this.#output.endsAtOnce(slot);
    const place = this.#placeOf(slot);
    if (ends?.every((end, i) => end <= place.positions[i]!)) return false;
    const logs = this.#output.logs(slot);
    let hasMore = false;
    const ranges = logs.map((log, i): Range => {
      const position = place.positions[i]!;
      const end = ends?.[i] ?? this.#files.lastEnd(log.path);
      const { from, omitted } = this.#files.continueAt(position, Math.max(position, end));
      const to = Math.min(end, from + TURN_BYTES_MAX);
      // Nothing was added to an incomplete line since the last look: it is shown as it is, a prompt say.
      const isFinal = end === place.ends[i] && to === end;
      place.ends[i] = end;
      hasMore ||= to < end;
      return { log, from, to, omitted, isFinal };
    });
    if (ranges.every(({ from, to }) => from >= to)) return false;
    place.positions = yield* this.#together(slot, ranges, between);
    return hasMore;
  }

  #slots(): Iterable<number> {
    return this.#wanted.slots ?? [...this.#context.fleet.slots.keys()].sort((a, b) => a - b);
  }

  /** A slot that is new to this follower begins with the output of its latest start. */
  #placeOf(slot: number): Place {
    const known = this.#places.get(slot);
    if (known) return known;
    const place: Place = { positions: this.#output.beginsOf(slot), ends: [-1, -1] };
    this.#places.set(slot, place);
    return place;
  }

  async *#historyOf(slot: number, logs: readonly SlotLog[]): AsyncGenerator<LogText> {
    const { since, lines } = this.#wanted;
    const timeline = this.#output.timeline(slot);
    const marked = since === null ? null : timeline.endsAt(since);
    const froms: [number, number] = [0, 0];
    const tos: [number, number] = [0, 0];
    const omitted = [0, 0];
    for (const [i, log] of logs.entries()) {
      const last = await this.#lastLines(log, lines);
      froms[i] = Math.max(last.from, marked?.ends[i] ?? Number.NEGATIVE_INFINITY);
      tos[i] = last.to;
      if (froms[i] === last.from) omitted[i] = last.omitted;
    }
    let positions: [number, number] = [...froms];
    const spans = timeline.spans(froms, tos);
    for (const [number, { from, until, ...ends }] of spans.entries()) {
      // A line that goes on in a later span belongs to that one.
      const isFinal = number === spans.length - 1 && !this.#wanted.follow;
      const ranges = logs.map((log, i): Range => {
        const to = ends[i === 0 ? 'stdout' : 'stderr'][1];
        return { log, from: positions[i]!, to, isFinal, omitted: number === 0 ? omitted[i]! : 0 };
      });
      positions = yield* this.#together(slot, ranges, { from, until });
    }
    this.#places.set(slot, { positions, ends: [...tos] });
  }

  async #lastLines(log: SlotLog, lines: number): Promise<{ from: number; to: number; omitted: number }> {
    try {
      return await this.#files.lastLines(log.path, lines);
    } catch {
      // Reading it says why.
      return { from: this.#files.fileBegin(log.path), to: this.#files.look(log.path)?.end ?? 0, omitted: 0 };
    }
  }

  /**
   * The whole lines of the logs of a slot that were written at about the same time, piece by piece.
   * @returns where in each log the first line begins that was not sent
   */
  async *#together(
    slot: number,
    ranges: readonly Range[],
    { from, until }: Between,
  ): AsyncGenerator<LogText, [number, number]> {
    const readers = ranges.map((range) => this.#lines(range));
    const positions: [number, number] = [0, 0];
    for (let left = readers.length; left > 0; ) {
      const texts = ['', ''];
      for (const [i, reader] of readers.entries()) {
        const next = await reader.next();
        if (!next.done) texts[i] = next.value;
        // Once more after its end, a generator returns nothing.
        else if (typeof next.value === 'number') {
          positions[i] = next.value;
          left--;
        }
      }
      const [stdout, stderr] = texts as [string, string];
      if (stdout === '' && stderr === '') continue;
      yield { slot, from: iso(from), until: iso(until), stdout, stderr: ranges.length === 1 ? null : stderr };
    }
    return positions;
  }

  /** @returns where the first line begins that was not sent */
  async *#lines({ log: { path }, from, to, isFinal, omitted }: Range): AsyncGenerator<string, number> {
    if (omitted > 0) yield leftOut(omitted);
    if (from >= to) return from;
    let rest: Buffer = Buffer.alloc(0);
    try {
      for await (const piece of this.#files.readRange(path, from, to)) {
        const content = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
        const end = endOfLines(content);
        if (end > 0) yield content.toString('utf8', 0, end);
        // Copied, so that a piece is not kept for its end.
        rest = Buffer.from(content.subarray(end));
      }
    } catch (error) {
      if (typeof (error as ReadProblem).code !== 'string') throw error;
      yield `[fleetd: cannot read the log: ${(error as Error).message}]\n`;
      return to;
    }
    if (!isFinal || rest.length === 0) return to - rest.length;
    yield rest.toString('utf8');
    return to;
  }

  #now(): number {
    return this.#context.services.host.date().getTime();
  }
}

interface Between {
  from: number | null;
  until: number | null;
}

/** A part of one log. */
interface Range {
  log: SlotLog;
  from: number;
  to: number;
  /** Whether an incomplete last line is sent as well. */
  isFinal: boolean;
  /** The bytes before it that are left out. */
  omitted: number;
}

const leftOut = (bytes: number): string => `[fleetd: ${bytes} bytes omitted here]\n`;

/** The end of the last whole line; of a line that is too long, the end of its last whole character. */
function endOfLines(content: Buffer): number {
  const end = content.lastIndexOf(NEWLINE) + 1;
  if (end > 0 || content.length < LINE_BYTES_MAX) return end;
  for (let i = 1; i <= 3; i++) {
    const byte = content[content.length - i]!;
    // The first byte of a character says how many follow, which begin with the bits 10 (utf-8(7)).
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > i ? content.length - i : content.length;
  }
  return content.length;
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
