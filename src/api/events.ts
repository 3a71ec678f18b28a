import { sparse } from '../specification/group.ts';
import { lines, type Operations } from './operation.ts';
import { COUNT, ONE_FLEET, SWITCH } from './parameters.ts';
import { integer, named, nullable, type Of, text, time } from './shape.ts';

export const FLEET_EVENT = named(
  'FleetEvent',
  {
    seq: integer('Increases with each event.'),
    at: time(),
    fleet: nullable(text(), 'Null if the event is about the supervisor.'),
    type: text(),
    slots: nullable(
      text(),
      'Ranges such as 10-19,25; null if the event is about the fleet or the supervisor.',
    ),
    reason: text(),
  },
  'One line of `events`.',
);
export type FleetEvent = Of<typeof FLEET_EVENT>;

export const EVENT_OPERATIONS = {
  events: {
    method: 'GET',
    path: '/v1/events',
    summary: 'Read events',
    access: 'read',
    query: sparse({
      fleet: { ...ONE_FLEET, otherwise: 'all fleets and the supervisor' },
      after: { type: COUNT, otherwise: '0', help: 'Only events with a higher `seq`.' },
      limit: {
        type: COUNT,
        otherwise: '10,000, which is also the maximum',
        help: 'How many events from the end.',
      },
      follow: { type: SWITCH, otherwise: 'false', help: 'Continue with new events as they happen.' },
    }),
    answer: lines(FLEET_EVENT),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
