/*
 * Made by bin/generate from the table of operations: correct it there. The client of fleetctl needs only this of an
 * operation at run time; loading the whole table would add some 15 ms to every command.
 */

import type { Method } from './operation.ts';
import type { OperationName } from './operations.ts';

/** The method and path of each operation. */
export const ROUTES: Readonly<Record<OperationName, { readonly method: Method; readonly path: string }>> = {
  status: { method: 'GET', path: '/v1/status' },
  fleets: { method: 'GET', path: '/v1/fleets' },
  fleet: { method: 'GET', path: '/v1/fleets/{fleet}' },
  spawn: { method: 'POST', path: '/v1/fleets/{fleet}/spawn' },
  kill: { method: 'POST', path: '/v1/fleets/{fleet}/kill' },
  restart: { method: 'POST', path: '/v1/fleets/{fleet}/restart' },
  hold: { method: 'POST', path: '/v1/fleets/{fleet}/hold' },
  resume: { method: 'POST', path: '/v1/fleets/{fleet}/resume' },
  remove: { method: 'DELETE', path: '/v1/fleets/{fleet}' },
  apply: { method: 'PUT', path: '/v1/fleets' },
  drySpawn: { method: 'POST', path: '/v1/dry-run' },
  dryUpdate: { method: 'POST', path: '/v1/fleets/{fleet}/rolling-update/dry-run' },
  watch: { method: 'GET', path: '/v1/fleets/{fleet}/watch' },
  reload: { method: 'POST', path: '/v1/fleets/{fleet}/reload' },
  signal: { method: 'POST', path: '/v1/fleets/{fleet}/signal' },
  rollingUpdate: { method: 'POST', path: '/v1/fleets/{fleet}/rolling-update' },
  rollout: { method: 'GET', path: '/v1/fleets/{fleet}/rollout' },
  actOnRollout: { method: 'POST', path: '/v1/fleets/{fleet}/rollout' },
  rollBack: { method: 'POST', path: '/v1/fleets/{fleet}/rollback' },
  releases: { method: 'GET', path: '/v1/fleets/{fleet}/releases' },
  agents: { method: 'GET', path: '/v1/agents' },
  log: { method: 'GET', path: '/v1/fleets/{fleet}/slots/{slot}/log' },
  logs: { method: 'GET', path: '/v1/fleets/{fleet}/logs' },
  memory: { method: 'GET', path: '/v1/fleets/{fleet}/memory' },
  samples: { method: 'GET', path: '/v1/fleets/{fleet}/samples' },
  events: { method: 'GET', path: '/v1/events' },
  strays: { method: 'GET', path: '/v1/strays' },
  actOnStrays: { method: 'POST', path: '/v1/fleets/{fleet}/strays' },
  watchdog: { method: 'GET', path: '/v1/watchdog' },
  metrics: { method: 'GET', path: '/metrics' },
  serveMetrics: { method: 'POST', path: '/metrics' },
  serveDashboard: { method: 'POST', path: '/v1/dashboard' },
  setMaintenance: { method: 'POST', path: '/v1/maintenance' },
  shutdown: { method: 'POST', path: '/v1/shutdown' },
  openapi: { method: 'GET', path: '/v1/openapi.json' },
};
