import { sparse } from '../specification/group.ts';
import { AGENTS_MAX } from '../specification/slots.ts';
import { BOOLEAN, integer as integerType, TRUE, type Type } from '../specification/types.ts';
import { ACCEPTED } from './accepted.ts';
import { FLEET_COUNTS } from './fleets.ts';
import { json, type Operations } from './operation.ts';
import { ABSOLUTE_PATH, SLOTS, SWITCH } from './parameters.ts';
import { exactlyOne, type ReadBy, requestOf, SPEC_DOCUMENT } from './requests.ts';
import { flag, record, text } from './shape.ts';

const SPAWN = requestOf(
  'SpawnRequest',
  sparse({
    target: {
      type: integerType(0, AGENTS_MAX),
      otherwise: '`target` of the spec, else the current target',
      help: 'How many agents run.',
    },
    spec: {
      type: SPEC_DOCUMENT,
      otherwise: 'the fleet keeps its spec',
      help: 'The spec, as in a spec file.',
    },
    baseDir: {
      type: ABSOLUTE_PATH,
      help: 'The directory that relative paths in `spec` start from.',
    },
    force: {
      type: BOOLEAN,
      otherwise: 'false',
      help: 'Apply changes that stop all agents first; ignore host limits that block the start.',
    },
  }),
);
export type SpawnRequest = ReadBy<typeof SPAWN>;

const KILL = requestOf(
  'KillRequest',
  exactlyOne(
    {
      count: {
        type: integerType(0, AGENTS_MAX),
        help: 'How many agents to stop, highest slots first; at most as many as there are.',
      },
      slots: { type: SLOTS, help: 'Only these slots.' },
      all: { type: TRUE as Type<boolean, ''>, help: 'All agents: sets the target to 0.' },
    },
    {
      now: {
        type: BOOLEAN,
        otherwise: 'false',
        help: 'Stop without grace, by SIGKILL; also agents that are stopping already.',
      },
      purge: { type: BOOLEAN, otherwise: 'false', help: 'Delete the directories and logs of the slots.' },
    },
  ),
);
export type KillRequest = ReadBy<typeof KILL>;

const RESTART = requestOf(
  'RestartRequest',
  sparse({
    slots: { type: SLOTS, otherwise: 'all slots', help: 'Only these slots.' },
    latest: { type: BOOLEAN, otherwise: 'false', help: 'Restart on the newest release.' },
  }),
);
export type RestartRequest = ReadBy<typeof RESTART>;

export const COMMAND_OPERATIONS = {
  spawn: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/spawn',
    summary: 'Set the target of a fleet; register or update the fleet',
    access: 'change',
    body: SPAWN,
    answer: json(ACCEPTED),
    errors: [
      'UNKNOWN',
      'USAGE',
      'SPEC_INVALID',
      'SPEC_MISSING',
      'SPEC_FIXED',
      'PORT_TAKEN',
      'ADDRESS_MISSING',
      'EXECUTABLE_UNUSABLE',
      'USER_UNKNOWN',
      'PRIVILEGE_MISSING',
      'STATE_UNUSABLE',
    ],
  },
  kill: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/kill',
    summary: 'Lower the target, or remove slots',
    access: 'change',
    body: KILL,
    answer: json(ACCEPTED),
    errors: ['UNKNOWN', 'USAGE', 'SLOT_UNKNOWN', 'STATE_UNUSABLE'],
  },
  restart: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/restart',
    summary: 'Restart agents in rounds',
    access: 'change',
    body: RESTART,
    answer: json(ACCEPTED),
    errors: ['UNKNOWN', 'SLOT_UNKNOWN', 'HELD', 'BUSY', 'EXECUTABLE_UNUSABLE', 'STATE_UNUSABLE'],
  },
  hold: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/hold',
    summary: 'Stop every automatic step of a fleet',
    access: 'change',
    answer: json(FLEET_COUNTS),
    errors: ['UNKNOWN', 'STATE_UNUSABLE'],
  },
  resume: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/resume',
    summary: 'End a hold',
    access: 'change',
    answer: json(FLEET_COUNTS),
    errors: ['UNKNOWN', 'HELD', 'STATE_UNUSABLE'],
  },
  remove: {
    method: 'DELETE',
    path: '/v1/fleets/{fleet}',
    summary: 'Forget a fleet at target 0',
    access: 'change',
    query: sparse({
      purge: {
        type: SWITCH,
        otherwise: 'false',
        help: 'Delete the directories of its slots as well, also of a fleet that was removed without.',
      },
    }),
    answer: json(
      record({
        fleet: text(),
        known: flag('False if the fleet had been removed before, and only its directories were left.'),
      }),
    ),
    errors: ['UNKNOWN', 'BUSY', 'STATE_UNUSABLE'],
  },
} as const satisfies Operations;
