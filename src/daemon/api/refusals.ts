import type { Journal } from '../shared/journal.ts';

/** The first is told at once, and those that follow at most so often, however many come. */
const TELL_MS_MIN = 10_000;
const REASON_CHARACTERS_MAX = 100;

/** Counts requests that were no sound HTTP or JSON, or one connection too many, and tells of them in few events. */
export class Refusals {
  readonly #journal: Journal;
  #count = 0;
  #last = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** A request was refused before it became a command. @param reason in words; what a client sent may be in it */
  add(reason: string): void {
    this.#count++;
    this.#last = reason.slice(0, REASON_CHARACTERS_MAX);
    if (this.#timer === undefined) this.#tell();
  }

  /** Tells of those that were not told yet, and ends the waiting. */
  close(): void {
    if (this.#count > 0) this.#tell();
    clearTimeout(this.#timer);
  }

  #tell(): void {
    const what = this.#count === 1 ? 'a request was' : `${this.#count} requests were`;
    // JSON shows what is no text: it came from whoever can open the socket.
    this.#journal.note('supervisor', null, `API: ${what} refused: ${JSON.stringify(this.#last)}`);
    this.#count = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#tell();
    }, TELL_MS_MIN);
  }
}
