import { FLEET } from '../specification/fields.ts';
import type { Spec } from '../specification/spec.ts';
import { parsedSchema } from '../specification/types.ts';
import { PACE_STATUS } from './domain.ts';
import { LEAK_STATUS } from './leak.ts';
import { FLEET_MEMORY } from './memory.ts';
import { json, type Operations } from './operation.ts';
import { ROLLOUT_STATUS } from './rollout.ts';
import { flag, integer, list, named, nullable, type Of, opaque, record, text, time } from './shape.ts';

const HELD = named(
  'Held',
  {
    reason: text(),
    since: time(),
    sample: nullable(text(), 'The last output of an agent that failed.'),
  },
  'Why the fleet takes no automatic step.',
);
export type Held = Of<typeof HELD>;

const VERIFY_STATUS = named(
  'VerifyStatus',
  {
    counted: nullable(integer(), 'Null if it could not be read.'),
    running: integer(),
    degraded: flag(),
    reason: nullable(text()),
  },
  'The external count of the agents of a fleet.',
);
export type VerifyStatus = Of<typeof VERIFY_STATUS>;

const COUNTS = {
  name: text(),
  target: integer(),
  running: integer(),
  ready: integer(),
  starting: integer(),
  stopping: integer(),
  backoff: integer(),
  failed: integer(),
  completed: integer('Agents that ended with success and are not started again.'),
  held: nullable(HELD, 'Null if the fleet is not held.'),
  release: nullable(text(), 'The newest release.'),
  rssBytes: nullable(integer()),
  pssBytes: nullable(integer()),
  pressure: nullable(
    record({ reason: text() }),
    'Why nothing starts while memory is short; null otherwise, and without `pressure` in the spec.',
  ),
  verify: nullable(VERIFY_STATUS, 'Null without `verify` in the spec.'),
};

export const FLEET_COUNTS = named('FleetCounts', COUNTS, 'The numbers of a fleet.');
export type FleetCounts = Of<typeof FLEET_COUNTS>;

export const LABELS_SCHEMA = { type: 'object', additionalProperties: { type: 'string' } } as const;

export const FLEET_STATUS = named(
  'FleetStatus',
  {
    ...COUNTS,
    leak: LEAK_STATUS,
    memory: FLEET_MEMORY,
    rollout: nullable(ROLLOUT_STATUS, 'Null if there has been no rollout.'),
    reload: nullable(
      record({ done: integer(), of: integer() }),
      'The progress of a reload, in agents; null if none is under way.',
    ),
    releases: list(
      record({ release: text(), agents: integer() }),
      'The releases that agents run, the one of most agents first.',
    ),
    pace: nullable(PACE_STATUS, 'Null without `rounds.adaptive`.'),
    labels: opaque<Record<string, string>>(LABELS_SCHEMA, '`labels` of the spec.'),
  },
  'A fleet as `status` shows it.',
);
export type FleetStatus = Of<typeof FLEET_STATUS>;

const FLEET_DOCUMENT = named(
  'FleetDocument',
  {
    spec: nullable(
      opaque<Spec>(
        { title: 'CompleteSpec', ...parsedSchema(FLEET) },
        'The spec with all defaults, durations in milliseconds and sizes in bytes; null if it was lost.',
      ),
    ),
    baseDir: text('The directory that relative paths in the spec start from.'),
  },
  'The spec of a fleet.',
);
export type FleetDocument = Of<typeof FLEET_DOCUMENT>;

export const FLEET_OPERATIONS = {
  fleet: {
    method: 'GET',
    path: '/v1/fleets/{fleet}',
    summary: 'Show the spec of a fleet',
    access: 'read',
    answer: json(FLEET_DOCUMENT),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
