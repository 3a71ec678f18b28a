import type { FastifyInstance } from 'fastify';
import { boundedApi } from './bounds.ts';
import { handlersOf, type Served } from './handlers.ts';
import type { Refusals } from './refusals.ts';
import { serveOperations } from './routes.ts';

/** Builds the API: HTTP with JSON, for the socket that only the supervisor's user can open. */
export function buildApi({ refusals, ...served }: Served & { refusals: Refusals }): FastifyInstance {
  const app = boundedApi(served.supervisor.log, refusals);
  serveOperations(app, handlersOf(served));
  return app;
}
