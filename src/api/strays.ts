import { sparse } from '../specification/group.ts';
import { word } from '../specification/types.ts';
import { json, type Operations } from './operation.ts';
import { COUNT, ONE_FLEET } from './parameters.ts';
import { listOf, type ReadBy, requestOf } from './requests.ts';
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
  startTicks: integer('Start time in clock ticks since boot: with the pid it names this one process.'),
  uid: integer(),
  command: text('Its words, joined by spaces.'),
  startedAt: time(),
  rssBytes: nullable(integer()),
  ports: list(
    record({ protocol: words(['tcp', 'udp']), port: integer() }),
    'What it and its workers listen on.',
  ),
  slot: nullable(integer(), 'The slot of the fleet that owns one of these ports; null where none does.'),
  refused: nullable(
    text(),
    'Why it would not be adopted: whom it runs as, and whom its slot; null where it would be.',
  ),
  workers: list(integer(), 'Its descendants that look like agents as well.'),
  parents: list(record({ pid: integer(), name: text() }), 'Who started it: its parent first, up to pid 1.'),
  cgroup: nullable(text(), 'Its cgroup in systemd’s hierarchy; null where it has none.'),
  unit: nullable(text(), 'The systemd unit that this cgroup belongs to; null for none.'),
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
    'Processes that could be agents by what they execute, and did not answer when they were asked for their words.',
  ),
});
export type StraysDocument = Of<typeof STRAYS_DOCUMENT>;

/** What became of one stray. A kill that was only begun ends with its process, or after the grace by SIGKILL. */
const STRAY_RESULT = titled(
  'StrayResult',
  anyOf(
    record({ result: words(['adopted']), slot: integer(), state: words(['starting']) }),
    record({ result: words(['stopping']) }),
    record({ result: words(['ended']) }, 'Said by fleetctl, which has seen its end.'),
    record({ result: words(['gone']) }, 'It has ended or changed meanwhile; nothing was done to it.'),
    record({ result: words(['failed']), reason: text() }),
  ),
);
export type StrayResult = Of<typeof STRAY_RESULT>;

const STRAYS_ANSWER = named('StraysAnswer', {
  fleet: text(),
  target: integer('The fleet’s target from now on.'),
  targetBefore: integer(),
  strays: list(both(STRAY, STRAY_RESULT)),
  notes: list(text(), 'What the user should know.'),
  withinMs: number('What is stopping has ended after so long for certain.'),
});
export type StraysAnswer = Of<typeof STRAYS_ANSWER>;

const STRAYS_REQUEST = requestOf(
  'StraysRequest',
  sparse({
    action: { type: word('adopt', 'kill'), required: true, help: 'What to do with them.' },
    pids: {
      type: listOf(COUNT),
      otherwise: 'all of the fleet’s',
      help: 'Just these of them.',
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
    errors: ['UNKNOWN', 'BUSY', 'HELD', 'PORT_TAKEN', 'PRIVILEGE_MISSING', 'STATE_UNUSABLE'],
  },
} as const satisfies Operations;
