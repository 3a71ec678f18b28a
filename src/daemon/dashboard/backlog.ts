import { randomBytes } from 'node:crypto';
import type { Message } from './viewer.ts';

/** The bound of what is kept for browsers that were cut off or read slowly: characters of all messages. */
const KEPT_CHARS_MAX = 2 ** 21;

/** The latest messages of one feed, numbered, for browsers that missed some of them. Bounded. */
export class Backlog {
  /** Distinguishes these messages from those of an earlier feed or another supervisor. */
  readonly #epoch = randomBytes(6).toString('hex');
  readonly #kept: Message[] = [];
  #chars = 0;
  #seq = 0;

  /** The id of the latest message, or of none yet. */
  get id(): string {
    return `${this.#epoch}.${this.#seq}`;
  }

  /** Adds the next message and returns it with its id. The oldest are dropped. */
  add(data: string): Message {
    this.#seq++;
    const message = { id: this.id, data };
    this.#kept.push(message);
    this.#chars += data.length;
    while (this.#chars > KEPT_CHARS_MAX) this.#chars -= this.#kept.shift()!.data.length;
    return message;
  }

  /** The messages after the one with this id; null if it is no longer known. */
  since(id: string | null): Message[] | null {
    const [epoch, seq] = id?.split('.') ?? [];
    const missed = epoch === this.#epoch ? this.#seq - Number(seq) : Number.NaN;
    const isKept = missed >= 0 && missed <= this.#kept.length;
    return isKept ? this.#kept.slice(this.#kept.length - missed) : null;
  }
}
