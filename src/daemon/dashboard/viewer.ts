import type { ServerResponse } from 'node:http';

/** The interval of keep-alive messages on an idle connection, so that no proxy or tunnel closes it. */
const KEEPALIVE_MS = 15_000;
/** The time after which a browser that does not read is disconnected. */
const STALLED_MS = 60_000;
/** The delay after which a browser that was cut off reconnects. */
const RETRY_MS = 1_000;

/** A message of the stream: its id, and the document as text. */
export interface Message {
  id: string;
  data: string;
}

/**
 * One browser that follows. While it has not read what was sent, nothing more is kept for it: it catches up afterwards,
 * so that a slow browser costs at most one message.
 */
export class Viewer {
  readonly #response: ServerResponse;
  readonly #catchUp: (lastId: string | null) => readonly Message[];
  readonly #beat: NodeJS.Timeout;
  #lastId: string | null;
  #behindSinceMs: number | null = null;

  /**
   * @param lastId the last message of an earlier connection; null if there is none
   * @param catchUp what to send after this message
   */
  constructor(
    response: ServerResponse,
    lastId: string | null,
    catchUp: (lastId: string | null) => readonly Message[],
  ) {
    this.#response = response;
    this.#lastId = lastId;
    this.#catchUp = catchUp;
    this.#beat = setInterval(() => this.#keepAlive(), KEEPALIVE_MS);
    response.once('close', () => clearInterval(this.#beat));
    response.on('drain', () => this.#drained());
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.#drained();
  }

  /** Sends a new message. */
  send(message: Message): void {
    if (this.#behindSinceMs === null) this.#write(message);
  }

  #drained(): void {
    this.#behindSinceMs = null;
    for (const message of this.#catchUp(this.#lastId)) {
      if (this.#behindSinceMs !== null) return;
      this.#write(message);
    }
  }

  #write({ id, data }: Message): void {
    this.#lastId = id;
    if (!this.#response.write(`id: ${id}\ndata: ${data}\n\n`)) this.#behindSinceMs = performance.now();
  }

  #keepAlive(): void {
    if (this.#behindSinceMs === null) this.#response.write(': still here\n\n');
    else if (performance.now() - this.#behindSinceMs > STALLED_MS) this.#response.destroy();
  }
}
