import type { ErrorDocument } from '../errors.ts';
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
    coming: integer('On their way up, with no failed start behind them.'),
    unready: integer('Were ready, and fail their health checks.'),
    failing: integer('Failed to start once or twice, and are tried again.'),
    looping: integer('Failed to start so often in a row that it is no accident.'),
    failed: integer('Given up: nothing will start them.'),
    held: nullable(text(), 'Why it is held; null where it is not.'),
    blocked: nullable(text(), 'What keeps it from starting agents: a limit of the host, or short memory.'),
    leak: nullable(text(), 'What is said of a leak; null where there is none, or a suspicion at most.'),
    uncounted: nullable(text(), 'The external count, where it is too low; null where it is not.'),
    strays: integer(),
  },
  'A fleet in the numbers that the verdict is made from: each wanted slot is counted once.',
);

const WATCHDOG_DOCUMENT = documentOf<WatchdogDocument>(
  'WatchdogDocument',
  {
    verdict: words(['ok', 'degraded', 'maintenance'], 'Maintenance: alarms are silenced, whatever there is.'),
    summary: text('What there is to say of it, in one line.'),
    alarms: list(text(), 'What is wrong; empty where nothing is.'),
    notes: list(text(), 'What is worth knowing, and no alarm.'),
    maintenance: nullable(MAINTENANCE_STATE),
    fleets: list(WATCHED_FLEET),
    host: record({ memoryAvailablePercent: number(), memoryPressurePercent: nullable(number()) }),
  },
  'What one look at everything comes to.',
);

const WATCHDOG_ANSWER = both(WATCHDOG_DOCUMENT, record({ supervisor: record({ pid: integer() }) }));
export type WatchdogAnswer = Of<typeof WATCHDOG_ANSWER>;

/** What `fleetctl watchdog --json` prints; `down` where there is no supervisor, and none could be started. */
export type WatchdogReport =
  | (WatchdogAnswer & { line: string; supervisor: { pid: number; started: boolean } })
  | { verdict: 'down'; line: string; error: ErrorDocument };

export const WATCHDOG_OPERATIONS = {
  watchdog: {
    method: 'GET',
    path: '/v1/watchdog',
    summary: 'Judge everything once',
    access: 'read',
    query: sparse({ fleet: ONE_FLEET }),
    answer: json(WATCHDOG_ANSWER),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
