import type { ServerResponse } from 'node:http';
import { Feed, type FeedParts } from './feed.ts';

/** Browsers that may follow at once. */
const VIEWERS_MAX = 16;
/** A browser that was cut off may find its place again for so long after the last one has gone. */
const LINGER_MS = 15_000;

/** Whoever watches: the feed is there for as long as there is somebody, and a little longer. */
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

  /** Lets a browser follow from now on, or from its last message where that is still known. */
  join(response: ServerResponse, lastId: string | null): void {
    clearTimeout(this.#lingering);
    this.#feed ??= new Feed(this.#parts);
    this.#feed.join(response, lastId);
    response.once('close', () => {
      if (this.#feed?.size === 0) this.#lingering = setTimeout(() => this.close(), LINGER_MS);
    });
  }

  /** Follows nothing any more. */
  close(): void {
    clearTimeout(this.#lingering);
    this.#feed?.close();
    this.#feed = null;
  }
}
