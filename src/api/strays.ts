import { sparse } from '../specification/group.ts';
import { listOf, word } from '../specification/types.ts';
import { json, type Operations } from './operation.ts';
import { COUNT, ONE_FLEET } from './parameters.ts';
import { type ReadBy, requestOf } from './requests.ts';
import {
  anyOf,
  both,
  integer,
  list,
  named,
  nullable,
  number,
  type Of,
  record,
  text,
  time,
  titled,
  words,
} from './shape.ts';

const STRAY_FIELDS = {
  fleet: text(),
  pid: integer(),
  startTicks: integer(
    'The start time in clock ticks since boot; together with the pid it identifies the process.',
  ),
  uid: integer(),
  command: text('Its command line, joined by spaces.'),
  startedAt: time(),
  rssBytes: nullable(integer()),
  ports: list(
    record({ protocol: words(['tcp', 'udp']), port: integer() }),
    'The ports on which it and its workers listen.',
  ),
  slot: nullable(integer(), 'The slot of the fleet that owns one of these ports; null if none does.'),
  refused: nullable(text(), 'Why it cannot be adopted, such as another user; null if it can.'),
  workers: list(integer(), 'Its descendants that also look like agents.'),
  parents: list(record({ pid: integer(), name: text() }), 'Its ancestors, from its parent to pid 1.'),
  cgroup: nullable(text(), 'Its cgroup in the hierarchy of systemd; null if it has none.'),
  unit: nullable(text(), 'The systemd unit of this cgroup; null if there is none.'),
};

const STRAY = named(
  'Stray',
  STRAY_FIELDS,
  'A process that looks like an agent of a fleet, but belongs to no slot of any supervisor.',
);
export type Stray = Of<typeof STRAY>;

const STRAYS_DOCUMENT = named('StraysDocument', {
  strays: list(STRAY),
  unanswered: integer(
    'The number of processes that may be strays, but whose command line could not be read in time.',
  ),
});
export type StraysDocument = Of<typeof STRAYS_DOCUMENT>;

/** The result for one stray. `stopping` ends when the process exits, or after the grace by SIGKILL. */
const STRAY_RESULT = titled(
  'StrayResult',
  anyOf(
    record({ result: words(['adopted']), slot: integer(), state: words(['starting']) }),
    record({ result: words(['stopping']) }),
    record({ result: words(['ended']) }, 'Reported by fleetctl, which waits for the end of the process.'),
    record({ result: words(['gone']) }, 'It has exited or changed in the meantime; nothing was done to it.'),
    record({ result: words(['failed']), reason: text() }),
  ),
);
export type StrayResult = Of<typeof STRAY_RESULT>;

const STRAYS_ANSWER = named('StraysAnswer', {
  fleet: text(),
  target: integer('The new target of the fleet.'),
  targetBefore: integer(),
  strays: list(both(STRAY, STRAY_RESULT)),
  notes: list(text(), 'What the user should know.'),
  withinMs: number('The time after which every stray that is stopping has ended.'),
});
export type StraysAnswer = Of<typeof STRAYS_ANSWER>;

const STRAYS_REQUEST = requestOf(
  'StraysRequest',
  sparse({
    action: { type: word('adopt', 'kill'), required: true, help: 'What to do with them.' },
    pids: {
      type: listOf(COUNT),
      otherwise: 'all strays of the fleet',
      help: 'Only these strays.',
    },
  }),
);
export type StraysRequest = ReadBy<typeof STRAYS_REQUEST>;

export const STRAY_OPERATIONS = {
  strays: {
    method: 'GET',
    path: '/v1/strays',
    summary: 'List processes that look like agents but belong to no slot',
    access: 'read',
    query: sparse({ fleet: ONE_FLEET }),
    answer: json(STRAYS_DOCUMENT),
    errors: ['UNKNOWN'],
  },
  actOnStrays: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/strays',
    summary: 'Adopt or kill strays of a fleet',
    access: 'change',
    body: STRAYS_REQUEST,
    answer: json(STRAYS_ANSWER),
    errors: [
      'UNKNOWN',
      'BUSY',
      'HELD',
      'PORT_TAKEN',
      'ADDRESS_MISSING',
      'PRIVILEGE_MISSING',
      'STATE_UNUSABLE',
    ],
  },
} as const satisfies Operations;
