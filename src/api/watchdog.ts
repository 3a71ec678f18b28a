import type { ErrorDocument } from '../errors/fleet-error.ts';
import { sparse } from '../specification/group.ts';
import type { WatchdogDocument, WatchedFleet } from '../supervisor/watchdog.ts';
import { MAINTENANCE_STATE } from './domain.ts';
import { json, type Operations } from './operation.ts';
import { ONE_FLEET } from './parameters.ts';
import { both, documentOf, integer, list, nullable, number, type Of, record, text, words } from './shape.ts';

const WATCHED_FLEET = documentOf<WatchedFleet>(
  'WatchedFleet',
  {
    name: text(),
    target: integer(),
    ready: integer(),
    completed: integer('Agents that ended with success and are not started again.'),
    coming: integer('Agents that are starting, without a failed start so far.'),
    unready: integer('Agents that fail their health checks.'),
    failing: integer('Agents that failed to start once or twice, and will be retried.'),
    looping: integer('Agents that keep failing to start.'),
    failed: integer('Agents that will not be started again.'),
    held: nullable(text(), 'Why the fleet is held; null if it is not.'),
    blocked: nullable(
      text(),
      'The host limit or memory shortage that prevents starts; null if there is none.',
    ),
    leak: nullable(text(), 'The verdict on a leak; null unless there is one.'),
    uncounted: nullable(text(), 'The problem with the external count; null if there is none.'),
    strays: integer(),
  },
  'The numbers behind the verdict on a fleet; each wanted slot counts once.',
);

const WATCHDOG_DOCUMENT = documentOf<WatchdogDocument>(
  'WatchdogDocument',
  {
    verdict: words(['ok', 'degraded', 'maintenance'], '`maintenance`: alarms are silenced.'),
    summary: text('The verdict in one line.'),
    alarms: list(text(), 'What is wrong; empty if nothing is.'),
    notes: list(text(), 'Other information.'),
    maintenance: nullable(MAINTENANCE_STATE),
    fleets: list(WATCHED_FLEET),
    host: record({ memoryAvailablePercent: number(), memoryPressurePercent: nullable(number()) }),
  },
  'The result of one check.',
);

const WATCHDOG_ANSWER = both(WATCHDOG_DOCUMENT, record({ supervisor: record({ pid: integer() }) }));
export type WatchdogAnswer = Of<typeof WATCHDOG_ANSWER>;

/** The document of `fleetctl watchdog --json`; `down`: no supervisor runs, and none could be started. */
export type WatchdogReport =
  | (WatchdogAnswer & { line: string; supervisor: { pid: number; started: boolean } })
  | { verdict: 'down'; line: string; error: ErrorDocument };

export const WATCHDOG_OPERATIONS = {
  watchdog: {
    method: 'GET',
    path: '/v1/watchdog',
    summary: 'Check everything once',
    access: 'read',
    query: sparse({ fleet: ONE_FLEET }),
    answer: json(WATCHDOG_ANSWER),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
