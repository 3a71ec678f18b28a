import { MAINTENANCE_STATE } from './domain.ts';
import { FLEET_STATUS, LABELS_SCHEMA } from './fleets.ts';
import { json, type Operations } from './operation.ts';
import { integer, list, named, nullable, number, type Of, opaque, record, text } from './shape.ts';

const STATUS_DOCUMENT = named(
  'StatusDocument',
  {
    supervisor: record({
      pid: integer(),
      version: text(),
      uptimeSeconds: integer(),
      rssBytes: integer(),
    }),
    host: record({
      memoryTotalBytes: integer(),
      memoryAvailableBytes: integer(),
      memoryPressure: nullable(
        number(),
        'Percent of the last 10 s in which some task waited for memory (PSI some avg10); null without PSI.',
      ),
      agentsMax: nullable(
        integer(),
        'The maximum number of agents that the limits of this host allow, over all fleets.',
      ),
    }),
    fleets: list(FLEET_STATUS),
    maintenance: nullable(MAINTENANCE_STATE, 'Null while alarms are on.'),
  },
  'The supervisor, the host and the fleets at a glance.',
);
export type StatusDocument = Of<typeof STATUS_DOCUMENT>;

const FLEETS_DOCUMENT = named(
  'FleetsDocument',
  {
    fleets: list(text('Its name.')),
    labels: opaque<Record<string, Record<string, string>>>(
      { type: 'object', additionalProperties: LABELS_SCHEMA },
      'The labels of each fleet, by its name.',
    ),
  },
  'The fleets that the supervisor knows.',
);

export const STATUS_OPERATIONS = {
  status: {
    method: 'GET',
    path: '/v1/status',
    summary: 'Show the supervisor, the host and all fleets',
    access: 'read',
    answer: json(STATUS_DOCUMENT),
    errors: [],
  },
  fleets: {
    method: 'GET',
    path: '/v1/fleets',
    summary: 'List the names of all fleets, with their labels',
    access: 'read',
    answer: json(FLEETS_DOCUMENT),
    errors: [],
  },
} as const satisfies Operations;
