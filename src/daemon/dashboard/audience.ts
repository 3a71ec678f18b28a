import type { ServerResponse } from 'node:http';
import { Feed, type FeedParts } from './feed.ts';

/** The maximum number of browsers that follow at once. */
const VIEWERS_MAX = 16;
/** The time after the last browser has gone during which one that was cut off may continue. */
const LINGER_MS = 15_000;

/** The browsers that follow: the feed exists while there are any, and a little longer. */
export class Audience {
  readonly #parts: FeedParts;
  #feed: Feed | null = null;
  #lingering: NodeJS.Timeout | undefined;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** Whether another browser may follow. */
  get hasRoom(): boolean {
    return (this.#feed?.size ?? 0) < VIEWERS_MAX;
  }

  /** Lets a browser follow from now on, or after its last message if that is still known. */
  join(response: ServerResponse, lastId: string | null): void {
    clearTimeout(this.#lingering);
    this.#feed ??= new Feed(this.#parts);
    this.#feed.join(response, lastId);
    response.once('close', () => {
      if (this.#feed?.size === 0) this.#lingering = setTimeout(() => this.close(), LINGER_MS);
    });
  }

  /** Disconnects all browsers. */
  close(): void {
    clearTimeout(this.#lingering);
    this.#feed?.close();
    this.#feed = null;
  }
}
