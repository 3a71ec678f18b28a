import type { Journal } from '../shared/journal.ts';

/** The first refusal is reported at once, later ones at most at this interval, however many there are. */
const REPORT_MS_MIN = 10_000;
const REASON_CHARACTERS_MAX = 100;

/** Counts requests that were not valid HTTP or JSON, or exceeded the connections, and reports them in few events. */
export class Refusals {
  readonly #journal: Journal;
  #count = 0;
  #last = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Counts a request that was refused before it became a command. @param reason may contain what a client sent */
  add(reason: string): void {
    this.#count++;
    this.#last = reason.slice(0, REASON_CHARACTERS_MAX);
    if (this.#timer === undefined) this.#report();
  }

  /** Reports what was not reported yet, and ends the waiting. */
  close(): void {
    if (this.#count > 0) this.#report();
    clearTimeout(this.#timer);
  }

  #report(): void {
    const what = this.#count === 1 ? 'a request was' : `${this.#count} requests were`;
    // JSON escapes what is not text: any process that can open the socket may have sent it.
    this.#journal.note('supervisor', null, `API: ${what} refused: ${JSON.stringify(this.#last)}`);
    this.#count = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#report();
    }, REPORT_MS_MIN);
  }
}
