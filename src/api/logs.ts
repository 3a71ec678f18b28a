import { sparse } from '../specification/group.ts';
import { lines, type Operations } from './operation.ts';
import { COUNT, SLOTS, SWITCH } from './parameters.ts';
import { integer, named, nullable, type Of, text, time } from './shape.ts';

const LOG_TEXT = named(
  'LogText',
  {
    slot: integer(),
    from: nullable(time(), 'It was written after this time; null if that is unknown.'),
    until: nullable(time(), 'It was written before this time; null if that is unknown.'),
    stdout: text('Whole lines; a very long one comes in pieces.'),
    stderr: nullable(text(), 'Null if stdout has what the agent wrote to both.'),
  },
  'A part of the output of one slot. Between two parts of a slot the order is known, between stdout and stderr of the same time it is not.',
);
export type LogText = Of<typeof LOG_TEXT>;

export const LOG_OPERATIONS = {
  logs: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/logs',
    summary: 'Read the output of many agents',
    help: 'First what was written, slot by slot; with `follow` then what is added, from all slots as it comes.',
    access: 'secret',
    query: sparse({
      slots: { type: SLOTS, otherwise: 'all slots, also later ones', help: 'Only these slots.' },
      lines: {
        type: COUNT,
        otherwise: '100',
        help: 'How many lines from the end of each log, at most 100,000.',
      },
      lastMs: {
        type: COUNT,
        otherwise: 'no limit',
        help: 'Only what was written in the last so many milliseconds, as far as that is known.',
      },
      follow: { type: SWITCH, otherwise: 'false', help: 'Continue with new output as the agents write it.' },
    }),
    answer: lines(LOG_TEXT),
    errors: ['UNKNOWN', 'USAGE', 'SLOT_UNKNOWN'],
  },
} as const satisfies Operations;
