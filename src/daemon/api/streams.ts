import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FleetEvent } from '../../api/events.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Host, ReadProblem } from '../../host/host.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

/** The maximum number of events that wait for a slow follower; beyond it, the follower is disconnected. */
const FOLLOWER_WAITING_MAX = 10_000;

/** Aborts when the client has disconnected; a request that follows may be silent for any time. */
export function closed({ raw: { socket } }: FastifyRequest): AbortSignal {
  const controller = new AbortController();
  socket.setTimeout(0);
  socket.once('close', () => controller.abort());
  return controller.signal;
}

/** Sends documents as lines of JSON, each when it comes. */
export function sendLines(
  reply: FastifyReply,
  lines: Iterable<object> | AsyncIterable<object>,
): FastifyReply {
  async function* format() {
    for await (const line of lines) yield `${JSON.stringify(line)}\n`;
  }
  return reply.type('application/x-ndjson').send(Readable.from(format()));
}

/** Sends the first events, then each as it happens, until the follower is gone or too far behind. */
export function followEvents(
  supervisor: Supervisor,
  fleet: string | null,
  first: readonly FleetEvent[],
  request: FastifyRequest,
): AsyncGenerator<FleetEvent> {
  const gone = closed(request);
  const waiting: FleetEvent[] = [...first];
  let wake = () => {};
  // Registered in the turn in which the first events were read, so that no event in between is missed.
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

/**
 * The last lines of a log and then, if requested, its additions, until the client is gone.
 * @throws FleetError if it cannot be read
 */
export async function* readLog(
  { files, facts }: Host,
  path: string,
  { lines, follow }: { lines: number; follow: boolean },
  gone: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    yield* files.logs.read(path, lines, follow, gone);
  } catch (error) {
    const { code, message } = error as ReadProblem;
    if (code !== 'NOT_REGULAR') throw facts.explain('cannot read the log', error, path);
    throw new FleetError('STATE_UNUSABLE', `cannot read the log: ${message}`, {
      hint: "Move it away; the agent's next start creates a new log.",
      cause: error,
    });
  }
}
