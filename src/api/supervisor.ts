import { sparse } from '../specification/group.ts';
import { PORT_MAX } from '../specification/ports.ts';
import { BOOLEAN, integer as integerType } from '../specification/types.ts';
import { MAINTENANCE_STATE } from './domain.ts';
import { bytes, json, type Operations } from './operation.ts';
import { COUNT, SWITCH } from './parameters.ts';
import { orNull, type ReadBy, requestOf } from './requests.ts';
import { integer, nullable, type Of, opaque, record, text } from './shape.ts';

const PORT = orNull(integerType(1, PORT_MAX));

const DASHBOARD = requestOf(
  'DashboardRequest',
  sparse({
    port: {
      type: PORT,
      otherwise: 'the current port, else 9955',
      help: 'Serve the dashboard on this port of 127.0.0.1; null turns it off.',
    },
  }),
);
export type DashboardRequest = ReadBy<typeof DASHBOARD>;

const DASHBOARD_PLACE = record({ url: nullable(text('With the token.'), 'Null if it is off.') });
export type DashboardPlace = Of<typeof DASHBOARD_PLACE>;

const MAINTENANCE = requestOf(
  'MaintenanceRequest',
  sparse({
    on: { type: BOOLEAN, required: true, help: 'Whether to silence alarms.' },
    forMs: {
      type: COUNT,
      otherwise: 'until another request ends it',
      help: 'How long, in milliseconds.',
    },
  }),
);
export type MaintenanceRequest = ReadBy<typeof MAINTENANCE>;

const SHUTDOWN = requestOf(
  'ShutdownRequest',
  sparse({
    withAgents: { type: BOOLEAN, otherwise: 'false', help: 'Stop all agents first.' },
  }),
);
export type ShutdownRequest = ReadBy<typeof SHUTDOWN>;

export const SUPERVISOR_OPERATIONS = {
  metrics: {
    method: 'GET',
    path: '/metrics',
    summary: 'Read metrics for Prometheus',
    access: 'read',
    query: sparse({
      agents: { type: SWITCH, otherwise: 'false', help: 'Include a series per agent.' },
    }),
    answer: bytes('text/plain', 'Metrics in the text format of Prometheus.'),
    errors: [],
  },
  serveMetrics: {
    method: 'POST',
    path: '/metrics',
    summary: 'Serve metrics on a loopback port, or stop that',
    access: 'change',
    body: sparse({
      port: {
        type: PORT,
        required: true,
        help: 'Serve metrics on this port of 127.0.0.1; null stops that.',
      },
    }),
    answer: json(record({ port: nullable(integer()) })),
    errors: ['PORT_TAKEN', 'STATE_UNUSABLE'],
  },
  serveDashboard: {
    method: 'POST',
    path: '/v1/dashboard',
    summary: 'Serve the dashboard on a loopback port, or turn it off',
    access: 'change',
    body: DASHBOARD,
    answer: json(DASHBOARD_PLACE),
    errors: ['PORT_TAKEN', 'STATE_UNUSABLE'],
  },
  setMaintenance: {
    method: 'POST',
    path: '/v1/maintenance',
    summary: 'Silence alarms, or end that',
    access: 'change',
    body: MAINTENANCE,
    answer: json(record({ maintenance: nullable(MAINTENANCE_STATE) })),
    errors: ['USAGE', 'STATE_UNUSABLE'],
  },
  shutdown: {
    method: 'POST',
    path: '/v1/shutdown',
    summary: 'Stop the supervisor',
    access: 'change',
    body: SHUTDOWN,
    answer: json(record({ pid: integer() })),
    errors: [],
  },
  openapi: {
    method: 'GET',
    path: '/v1/openapi.json',
    summary: 'Return this description of the API',
    access: 'read',
    answer: json(opaque<object>({ type: 'object' }, 'This document: OpenAPI 3.1.')),
    errors: [],
  },
} as const satisfies Operations;
