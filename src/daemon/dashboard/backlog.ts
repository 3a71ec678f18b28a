import { randomBytes } from 'node:crypto';
import type { Message } from './viewer.ts';

/** So much is kept for those who were cut off, or read slowly: characters of all messages. */
const KEPT_CHARS_MAX = 2 ** 21;

/** The latest messages of one stretch of watching, numbered, for those who missed some of them. Bounded. */
export class Backlog {
  /** Tells these messages from those of an earlier stretch, or of another supervisor. */
  readonly #epoch = randomBytes(6).toString('hex');
  readonly #kept: Message[] = [];
  #chars = 0;
  #seq = 0;

  /** What names the latest message, or none yet. */
  get id(): string {
    return `${this.#epoch}.${this.#seq}`;
  }

  /** Takes the next message in, and gives it its id. The oldest give way. */
  add(data: string): Message {
    this.#seq++;
    const message = { id: this.id, data };
    this.#kept.push(message);
    this.#chars += data.length;
    while (this.#chars > KEPT_CHARS_MAX) this.#chars -= this.#kept.shift()!.data.length;
    return message;
  }

  /** What came after the message of this id; null where nobody knows that any more. */
  since(id: string | null): Message[] | null {
    const [epoch, seq] = id?.split('.') ?? [];
    const missed = epoch === this.#epoch ? this.#seq - Number(seq) : Number.NaN;
    const isKept = missed >= 0 && missed <= this.#kept.length;
    return isKept ? this.#kept.slice(this.#kept.length - missed) : null;
  }
}
