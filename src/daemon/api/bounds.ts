import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { httpStatusOf } from '../../api/error.ts';
import { OWN_DESCRIPTORS } from '../../doctor/descriptors.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { nameFailure } from '../../host/limits.ts';
import { boundConnections } from '../http/connections.ts';
import type { Refusals } from './refusals.ts';

/**
 * What a client may take: bytes, time, and one connection among so many, which is half of what the doctor sets aside for
 * the supervisor's own descriptors. A client that neither reads nor writes is let go; one that follows may be silent.
 */
const BOUNDS = {
  bodyLimit: 1024 * 1024,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionTimeout: 60_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000, maxHeaderSize: 16 * 1024 },
} as const;
const CONNECTIONS_MAX = OWN_DESCRIPTORS / 2;
const URL_SHOWN_MAX = 200;
const PAYLOAD_TOO_LARGE = 413;
/** This much of a body that is too large is read all the same; BOUNDS.requestTimeout bounds the time. */
const DISCARDED_BYTES_MAX = 64 * 1024 * 1024;

/** An API without routes: what no route is asked for is bounded, refused in words, and told. */
export function boundedApi(log: Logger, refusals: Refusals): FastifyInstance {
  const app = Fastify({
    ...BOUNDS,
    forceCloseConnections: true,
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, refusals),
    frameworkErrors: (error, _request, reply) => sendError(error, reply, log, refusals),
  });
  boundConnections(app.server, CONNECTIONS_MAX, () =>
    refusals.add(`more than ${CONNECTIONS_MAX} connections at once, those closed that did nothing`),
  );
  app.addHook('onRequest', async ({ query }) => refuseRepetition(query as object));
  app.setErrorHandler(async (error: Error & { statusCode?: number }, request, reply) => {
    if (error.statusCode === PAYLOAD_TOO_LARGE) await discardBody(request.raw);
    return sendError(error, reply, log, refusals);
  });
  app.setNotFoundHandler(({ method, url }, reply) => {
    const error = new FleetError('REQUEST_INVALID', `nothing at ${method} ${url.slice(0, URL_SHOWN_MAX)}`, {
      hint: 'GET /v1/openapi.json lists all operations; fleetctl and fleetd may have different versions.',
    });
    return sendError(error, reply, log, refusals);
  });
  return app;
}

/** A parameter that is given twice would come as a list, and which of them was meant nobody knows. */
function refuseRepetition(query: object): void {
  const repeated = Object.entries(query).find(([, value]) => Array.isArray(value));
  if (repeated) throw new FleetError('REQUEST_INVALID', `the parameter ${repeated[0]} is given twice`);
}

/** Reads the rest of a body: a client that still sends when the connection is closed loses the answer with it. */
function discardBody(request: FastifyRequest['raw']): Promise<void> {
  return new Promise((resolve) => {
    let left = DISCARDED_BYTES_MAX;
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) resolve();
    });
    for (const end of ['end', 'close', 'error']) request.once(end, () => resolve());
  });
}

function sendError(error: unknown, reply: FastifyReply, log: Logger, refusals: Refusals): FastifyReply {
  const known = error instanceof FleetError ? error : fromFramework(error as Error & { statusCode?: number });
  if (known.code === 'INTERNAL') log.error({ err: error }, 'request failed');
  if (known.code === 'REQUEST_INVALID') refusals.add(known.message);
  // A stream that failed at its first byte has left its own type behind, for which no object could be sent.
  const answer = reply.code(httpStatusOf(known.code)).type('application/json');
  return answer.send({ error: known.toDocument() });
}

/** Answers what was no HTTP, or did not come to its end in time, and hangs up. */
function refuseBytes(
  { code, message }: NodeJS.ErrnoException,
  socket: FastifyRequest['socket'],
  refusals: Refusals,
): void {
  // Who has hung up first has sent nothing that could be refused.
  if (code === 'ECONNRESET' || socket.destroyed) return;
  refusals.add(`${code}: ${message}`);
  const error = new FleetError('REQUEST_INVALID', `no sound HTTP: ${message}`);
  const body = JSON.stringify({ error: error.toDocument() });
  const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  if (socket.writable) socket.write(`${head}\r\nConnection: close\r\n\r\n${body}`);
  socket.destroySoon();
}

function fromFramework(error: Error & { statusCode?: number }): FleetError {
  const isClients = error.statusCode !== undefined && error.statusCode < 500;
  if (isClients) return new FleetError('REQUEST_INVALID', error.message, { cause: error });
  return nameFailure(error) ?? new FleetError('INTERNAL', error.message, { cause: error });
}
