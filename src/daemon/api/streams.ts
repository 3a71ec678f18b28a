import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FleetEvent } from '../../api/events.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

/** A follower of events that reads slower than they come is let go when so many wait for it. */
const FOLLOWER_WAITING_MAX = 10_000;

/** Aborts when the other end of a request is gone; a request that follows something may be silent as long as it likes. */
export function closed({ raw: { socket } }: FastifyRequest): AbortSignal {
  const controller = new AbortController();
  socket.setTimeout(0);
  socket.once('close', () => controller.abort());
  return controller.signal;
}

/** Sends documents as lines of JSON, each as it comes. */
export function sendLines(
  reply: FastifyReply,
  lines: Iterable<object> | AsyncIterable<object>,
): FastifyReply {
  async function* format() {
    for await (const line of lines) yield `${JSON.stringify(line)}\n`;
  }
  return reply.type('application/x-ndjson').send(Readable.from(format()));
}

/** The first events, and then each as it happens, until the follower is gone or far behind. */
export function followEvents(
  supervisor: Supervisor,
  fleet: string | null,
  first: readonly FleetEvent[],
  request: FastifyRequest,
): AsyncGenerator<FleetEvent> {
  const gone = closed(request);
  const waiting: FleetEvent[] = [...first];
  let wake = () => {};
  // In the turn in which the first were read: nothing that happens before somebody reads may be missed.
  const unfollow = supervisor.events.follow((event) => {
    if (fleet !== null && event.fleet !== fleet) return;
    waiting.push(event);
    if (waiting.length > FOLLOWER_WAITING_MAX) request.raw.socket.destroy();
    wake();
  });
  gone.addEventListener('abort', () => {
    unfollow();
    wake();
  });
  return (async function* () {
    while (!gone.aborted) {
      yield* waiting.splice(0);
      if (waiting.length === 0 && !gone.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  })();
}
