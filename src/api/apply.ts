import { sparse } from '../specification/group.ts';
import { AGENTS_MAX } from '../specification/slots.ts';
import { BOOLEAN, integer as integerType, listOf } from '../specification/types.ts';
import { ACCEPTED } from './accepted.ts';
import { json, type Operations } from './operation.ts';
import { ABSOLUTE_PATH, ONE_FLEET } from './parameters.ts';
import { type ReadBy, requestOf, SPEC_DOCUMENT } from './requests.ts';
import { ROLLING_UPDATE } from './rollout.ts';
import { integer, list, named, nullable, type Of, record, text, words } from './shape.ts';

const BASE_DIR = {
  type: ABSOLUTE_PATH,
  help: 'The directory that relative paths in `spec` start from.',
} as const;

const FORCE = {
  type: BOOLEAN,
  otherwise: 'false',
  help: 'Apply changes that stop all agents first; ignore host limits that block the start.',
} as const;

const APPLY = requestOf(
  'ApplyRequest',
  sparse({
    fleets: {
      type: listOf(
        sparse({
          spec: { type: SPEC_DOCUMENT, required: true, help: 'The spec, as in a spec file.' },
          baseDir: BASE_DIR,
        }),
      ),
      required: true,
      help: 'The fleets, each once.',
    },
    force: FORCE,
  }),
);
export type ApplyRequest = ReadBy<typeof APPLY>;

const APPLIED = named('Applied', { fleets: list(ACCEPTED, 'In the order of the request.') });

const DRY_SPAWN = requestOf(
  'DrySpawnRequest',
  sparse({
    fleets: {
      type: listOf(
        sparse({
          fleet: { type: ONE_FLEET.type, otherwise: '`name` of the spec', help: 'The fleet.' },
          target: { type: integerType(0, AGENTS_MAX), help: 'As for `spawn`.' },
          spec: { type: SPEC_DOCUMENT, help: 'As for `spawn`.' },
          baseDir: BASE_DIR,
        }),
      ),
      required: true,
      help: 'The fleets, each once.',
    },
    force: FORCE,
  }),
);
export type DrySpawnRequest = ReadBy<typeof DRY_SPAWN>;

const FLEET_PREVIEW = named(
  'FleetPreview',
  {
    fleet: text(),
    action: words(['create', 'change', 'none']),
    target: record({ from: nullable(integer()), to: integer() }),
    release: record(
      { from: nullable(text()), to: nullable(text()) },
      'Null where there is none, or where it cannot be made.',
    ),
    starts: integer('How many slots would become wanted.'),
    stops: integer('How many slots would no longer be wanted.'),
    replaces: integer('How many agents would be replaced.'),
    slots: record({ starts: text(), stops: text(), replaces: text() }, 'The same slots, as ranges.'),
    changes: list(
      record({ path: text(), from: nullable(text()), to: nullable(text()) }),
      'The keys that differ from the spec in force, with their values as in a spec file; null: absent.',
    ),
    notes: list(text()),
    problems: list(
      record({ code: text(), message: text(), hint: text(), exitCode: integer() }),
      'Why the command would be refused; empty if it would not.',
    ),
  },
  'What a command would make of a fleet.',
);
export type FleetPreview = Of<typeof FLEET_PREVIEW>;

const PREVIEW = named('Preview', { fleets: list(FLEET_PREVIEW) }, 'What a command would do.');
export type PreviewDocument = Of<typeof PREVIEW>;

export const APPLY_OPERATIONS = {
  apply: {
    method: 'PUT',
    path: '/v1/fleets',
    summary: 'Register or update several fleets: all of them, or none',
    access: 'change',
    body: APPLY,
    answer: json(APPLIED),
    errors: [
      'USAGE',
      'SPEC_INVALID',
      'SPEC_FIXED',
      'PORT_TAKEN',
      'ADDRESS_MISSING',
      'EXECUTABLE_UNUSABLE',
      'USER_UNKNOWN',
      'PRIVILEGE_MISSING',
      'STATE_UNUSABLE',
    ],
  },
  drySpawn: {
    method: 'POST',
    path: '/v1/dry-run',
    summary: 'Show what `spawn` or `apply` would do, and do nothing',
    help: 'Refusals are part of the answer.',
    access: 'change',
    body: DRY_SPAWN,
    answer: json(PREVIEW),
    errors: ['USAGE', 'SPEC_INVALID', 'UNKNOWN', 'STATE_UNUSABLE'],
  },
  dryUpdate: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/rolling-update/dry-run',
    summary: 'Show what a rolling update would do, and do nothing',
    help: 'Refusals are part of the answer.',
    access: 'change',
    body: ROLLING_UPDATE,
    answer: json(PREVIEW),
    errors: ['UNKNOWN', 'USAGE', 'SPEC_INVALID', 'SPEC_MISSING', 'STATE_UNUSABLE'],
  },
} as const satisfies Operations;
