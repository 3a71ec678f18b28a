import type { FastifyInstance } from 'fastify';
import { boundedApi, CONNECTIONS_MAX } from './bounds.ts';
import { handlersOf, type Served } from './handlers.ts';
import type { Masks } from './masks.ts';
import type { Refusals } from './refusals.ts';
import { serveOperations } from './routes.ts';

/**
 * Builds the API: HTTP with JSON, for the socket that only the supervisor's user can open.
 * @param masks what others get of it, at a socket that only reads; null: everything
 */
export function buildApi(
  { refusals, ...served }: Served & { refusals: Refusals },
  masks: Masks | null = null,
): FastifyInstance {
  const connectionsMax = masks === null ? CONNECTIONS_MAX.own : CONNECTIONS_MAX.others;
  const app = boundedApi(served.supervisor.log, refusals, connectionsMax);
  serveOperations(app, handlersOf(served), masks);
  return app;
}
