import type { Spec } from '../specification/spec.ts';
import { PACE_STATUS } from './domain.ts';
import { LEAK_STATUS } from './leak.ts';
import { FLEET_MEMORY } from './memory.ts';
import { json, type Operations } from './operation.ts';
import { ROLLOUT_STATUS } from './rollout.ts';
import { flag, integer, named, nullable, type Of, opaque, record, text, time } from './shape.ts';

const HELD = named(
  'Held',
  {
    reason: text(),
    since: time(),
    sample: nullable(text(), 'The last output of an agent that failed.'),
  },
  'Why no automatic step is taken.',
);
export type Held = Of<typeof HELD>;

const VERIFY_STATUS = named(
  'VerifyStatus',
  {
    counted: nullable(integer(), 'Null where it could not be read.'),
    running: integer(),
    degraded: flag(),
    reason: nullable(text()),
  },
  'The external count of a fleet’s agents.',
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
  held: nullable(HELD, 'Null where it is not held.'),
  release: nullable(text(), 'The newest release.'),
  rssBytes: nullable(integer()),
  pssBytes: nullable(integer()),
  pressure: nullable(
    record({ reason: text() }),
    'Why nothing starts: memory is short; null where it is not, or the spec has no `pressure`.',
  ),
  verify: nullable(VERIFY_STATUS, 'Null where the spec has no `verify`.'),
};

export const FLEET_COUNTS = named('FleetCounts', COUNTS, 'A fleet in numbers that change all the time.');
export type FleetCounts = Of<typeof FLEET_COUNTS>;

export const FLEET_STATUS = named(
  'FleetStatus',
  {
    ...COUNTS,
    leak: LEAK_STATUS,
    memory: FLEET_MEMORY,
    rollout: nullable(ROLLOUT_STATUS, 'Null while no rollout was ever asked for.'),
    pace: nullable(PACE_STATUS, 'How many agents may be starting; null where rounds are of a fixed size.'),
  },
  'A fleet as `status` shows it.',
);
export type FleetStatus = Of<typeof FLEET_STATUS>;

const FLEET_DOCUMENT = named(
  'FleetDocument',
  {
    spec: nullable(
      opaque<Spec>(
        { type: 'object' },
        'The spec with every default filled in, durations in milliseconds and sizes in bytes; null where it was lost.',
      ),
    ),
    baseDir: text('Directory that relative paths of the spec start from.'),
  },
  'What a fleet is to be.',
);
export type FleetDocument = Of<typeof FLEET_DOCUMENT>;

export const FLEET_OPERATIONS = {
  fleet: {
    method: 'GET',
    path: '/v1/fleets/{fleet}',
    summary: 'Show what a fleet is to be',
    access: 'read',
    answer: json(FLEET_DOCUMENT),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
