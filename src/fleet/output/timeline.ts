/*
 * When a slot's output was written. The files of agents hold no times, so the supervisor notes how long they are whenever
 * it looks: what lies between two marks was written between their times.
 */

/** A moment, and the positions at which the two logs of a slot ended then. A slot with one log has 0 for the other. */
export interface Mark {
  /** Milliseconds since 1970. */
  at: number;
  ends: readonly [stdout: number, stderr: number];
}

/** The times between which something was written; null where that is unknown. */
export interface WrittenBetween {
  from: number | null;
  until: number | null;
}

/** A part of a slot's output whose order is known: it was written before the next span, and after the one before. */
export interface Span extends WrittenBetween {
  /** For each log the positions between which it lies. */
  stdout: readonly [from: number, to: number];
  stderr: readonly [from: number, to: number];
}

/** The marks of one slot: beyond this number, every other of the older half goes, so that what is recent is known best. */
const MARKS_MAX = 48;
const FIELDS = 3;

/** The marks of one slot, oldest first. One flat list of numbers, because there may be ten thousand of these. */
export class Timeline {
  #numbers: number[] = [];

  /** @param text what toText() has returned; anything else gives an empty timeline */
  static fromText(text: string): Timeline {
    const timeline = new Timeline();
    const numbers = text === '' ? [] : text.split(' ').map(Number);
    if (numbers.length % FIELDS === 0 && numbers.every(Number.isSafeInteger)) timeline.#numbers = numbers;
    return timeline;
  }

  /**
   * The marks as text, for another supervisor, whose positions begin elsewhere.
   * @param begins the positions at which that one begins to count
   */
  toText(begins: readonly [number, number]): string {
    return this.marks.flatMap(({ at, ends }) => [at, ends[0] - begins[0], ends[1] - begins[1]]).join(' ');
  }

  get marks(): Mark[] {
    const marks: Mark[] = [];
    for (let i = 0; i < this.#numbers.length; i += FIELDS) marks.push(this.#mark(i));
    return marks;
  }

  /**
   * Notes where the logs end now. While nothing is written, only the latest of equal marks moves on.
   * @returns whether they have changed since the last mark
   */
  note({ at, ends }: Mark): boolean {
    const numbers = this.#numbers;
    const isSame = (i: number) => i >= 0 && numbers[i + 1] === ends[0] && numbers[i + 2] === ends[1];
    const last = numbers.length - FIELDS;
    // A wall clock that was set back must not turn the order round.
    const time = Math.max(at, last >= 0 ? numbers[last]! : at);
    if (isSame(last) && isSame(last - FIELDS)) {
      numbers[last] = time;
      return false;
    }
    const hasChanged = !isSame(last);
    numbers.push(time, ends[0], ends[1]);
    if (numbers.length > MARKS_MAX * FIELDS) this.#thin();
    return hasChanged;
  }

  /** Where the logs ended at a time, at the latest mark before it; null if there is none. */
  endsAt(time: number): Mark | null {
    let found: Mark | null = null;
    for (let i = 0; i < this.#numbers.length && this.#numbers[i]! <= time; i += FIELDS) found = this.#mark(i);
    return found;
  }

  /**
   * The spans of what lies between positions of both logs, in order of time.
   * @param froms where to begin, and `tos` where to end: for stdout and for stderr
   */
  spans(froms: readonly [number, number], tos: readonly [number, number]): Span[] {
    const spans: Span[] = [];
    let [stdout, stderr] = froms;
    let from: number | null = null;
    const add = (ends: readonly [number, number], until: number | null) => {
      const next = [0, 1].map((i) => Math.max([stdout, stderr][i]!, Math.min(ends[i]!, tos[i]!)));
      if (next[0]! > stdout || next[1]! > stderr)
        spans.push({ from, until, stdout: [stdout, next[0]!], stderr: [stderr, next[1]!] });
      [stdout, stderr] = next as [number, number];
    };
    for (const { at, ends } of this.marks) {
      add(ends, at);
      from = at;
    }
    add(tos, null);
    return spans;
  }

  #mark(i: number): Mark {
    return { at: this.#numbers[i]!, ends: [this.#numbers[i + 1]!, this.#numbers[i + 2]!] };
  }

  #thin(): void {
    const older = Math.floor(MARKS_MAX / 2);
    this.#numbers = this.#numbers.filter((_, i) => {
      const mark = Math.floor(i / FIELDS);
      return mark >= older || mark % 2 === 0;
    });
  }
}
