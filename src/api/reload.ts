import type { AgentFailure } from '../fleet/rollout/record.ts';
import { sparse } from '../specification/group.ts';
import { signalName, signalNumber } from '../specification/signals.ts';
import { BOOLEAN, scalar, type Type } from '../specification/types.ts';
import { ACCEPTED } from './accepted.ts';
import { json, type Operations } from './operation.ts';
import { SLOTS } from './parameters.ts';
import { type ReadBy, requestOf } from './requests.ts';
import { integer, list, named, type Of, record, type Shape, text } from './shape.ts';

/** A slot, and why something did not succeed there. */
const FAILURE: Shape<AgentFailure> = record({ slot: integer(), reason: text() });

export const RELOAD_DOCUMENT = named(
  'ReloadDocument',
  {
    reloaded: list(
      integer(),
      'The slots of agents that were reloaded and passed their ready check after that.',
    ),
    skipped: list(integer(), 'The slots that had no agent to reload, or one that was started since.'),
    failed: list(FAILURE),
    left: list(integer(), 'The slots that were not touched.'),
  },
  'What has become of a reload, by slot.',
);
export type ReloadDocument = Of<typeof RELOAD_DOCUMENT>;

const RELOAD = requestOf(
  'ReloadRequest',
  sparse({ slots: { type: SLOTS, otherwise: 'all slots', help: 'Only these slots.' } }),
);

/** A signal, read to its name. */
const ANY_SIGNAL: Type<string, ''> = scalar(
  {
    suffix: '',
    expected: 'a signal such as HUP, SIGUSR1, SIGRTMIN+3 or 10',
    schema: { type: 'string', pattern: '^[A-Za-z0-9]+([+-][0-9]{1,2})?$' },
  },
  (value) => {
    const number = typeof value === 'string' ? signalNumber(value) : null;
    return number === null ? null : signalName(number);
  },
);

const SIGNAL = requestOf(
  'SignalRequest',
  sparse({
    signal: { type: ANY_SIGNAL, required: true, help: 'Its name, with or without SIG, or its number.' },
    slots: { type: SLOTS, otherwise: 'all slots', help: 'Only these slots.' },
    allProcesses: {
      type: BOOLEAN,
      otherwise: 'false',
      help: 'Every process of the slots, instead of the main processes.',
    },
  }),
);
export type SignalRequest = ReadBy<typeof SIGNAL>;

const SIGNALLED = named(
  'Signalled',
  {
    fleet: text(),
    signal: text('Its name, such as SIGHUP.'),
    slots: list(integer(), 'The slots in which it reached a process.'),
    sent: integer('The number of processes that got it.'),
    missed: list(integer(), 'The slots without a process.'),
    failed: list(FAILURE, 'The slots in which the kernel refused it to a process.'),
  },
  'Who got a signal.',
);
export type Signalled = Of<typeof SIGNALLED>;

export const RELOAD_OPERATIONS = {
  reload: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/reload',
    summary: 'Reload agents in batches, each verified by the ready check',
    access: 'change',
    body: RELOAD,
    answer: json(ACCEPTED),
    errors: ['UNKNOWN', 'USAGE', 'SLOT_UNKNOWN', 'BUSY', 'STATE_UNUSABLE'],
  },
  signal: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/signal',
    summary: 'Send a signal to agents',
    access: 'change',
    body: SIGNAL,
    answer: json(SIGNALLED),
    errors: ['UNKNOWN', 'USAGE', 'SLOT_UNKNOWN'],
  },
} as const satisfies Operations;
