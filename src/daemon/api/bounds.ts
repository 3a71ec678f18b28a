import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { httpStatusOf } from '../../api/error.ts';
import { OWN_DESCRIPTORS } from '../../doctor/descriptors.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { nameFailure } from '../../host/facts/explain.ts';
import { boundConnections } from '../http/connections.ts';
import type { Refusals } from './refusals.ts';

/**
 * The bounds of a client: bytes, time, and connections (CONNECTIONS_MAX). A client that neither reads nor writes is disconnected; one that follows may be silent.
 */
const BOUNDS = {
  bodyLimit: 1024 * 1024,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionTimeout: 60_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000, maxHeaderSize: 16 * 1024 },
} as const;
/** Shares of what the doctor reserves for the supervisor's own descriptors: for its user, and for the group that may read. */
export const CONNECTIONS_MAX = { own: OWN_DESCRIPTORS / 2, others: OWN_DESCRIPTORS / 8 } as const;
const URL_SHOWN_MAX = 200;
const PAYLOAD_TOO_LARGE = 413;
/** The part of an oversized body that is read nevertheless; BOUNDS.requestTimeout bounds the time. */
const DISCARDED_BYTES_MAX = 64 * 1024 * 1024;

/** An API without routes: requests that no route takes are bounded, refused with a reason, and reported. */
export function boundedApi(log: Logger, refusals: Refusals, connectionsMax: number): FastifyInstance {
  const app = Fastify({
    ...BOUNDS,
    forceCloseConnections: true,
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, refusals),
    frameworkErrors: (error, _request, reply) => sendError(error, reply, log, refusals),
  });
  boundConnections(app.server, connectionsMax, () =>
    refusals.add(`more than ${connectionsMax} connections at once; idle ones were closed`),
  );
  app.addHook('onRequest', async ({ query }) => refuseRepetition(query as object));
  app.setErrorHandler(async (error: Error & { statusCode?: number }, request, reply) => {
    if (error.statusCode === PAYLOAD_TOO_LARGE) await discardBody(request.raw);
    return sendError(error, reply, log, refusals);
  });
  app.setNotFoundHandler(({ method, url }, reply) => {
    const error = new FleetError(
      'REQUEST_INVALID',
      `there is no operation ${method} ${url.slice(0, URL_SHOWN_MAX)}`,
      {
        hint: 'GET /v1/openapi.json lists all operations; fleetctl and fleetd may have different versions.',
      },
    );
    return sendError(error, reply, log, refusals);
  });
  return app;
}

/** A repeated parameter would arrive as a list, and it is unknown which of its values was meant. */
function refuseRepetition(query: object): void {
  const repeated = Object.entries(query).find(([, value]) => Array.isArray(value));
  if (repeated)
    throw new FleetError('REQUEST_INVALID', `the parameter ${repeated[0]} is given more than once`);
}

/** Reads the rest of a body: a client that still sends when the connection closes loses the answer with it. */
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
  // A stream that failed at its first byte has left its own type, with which no object can be sent.
  const answer = reply.code(httpStatusOf(known.code)).type('application/json');
  return answer.send({ error: known.toDocument() });
}

/** Answers a request that is not HTTP, or was not completed in time, and closes the connection. */
function refuseBytes(
  { code, message }: NodeJS.ErrnoException,
  socket: FastifyRequest['socket'],
  refusals: Refusals,
): void {
  // A client that has disconnected sent nothing that could be refused.
  if (code === 'ECONNRESET' || socket.destroyed) return;
  refusals.add(`${code}: ${message}`);
  const error = new FleetError('REQUEST_INVALID', `the request is not valid HTTP: ${message}`);
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
