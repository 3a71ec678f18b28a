import type { PaceStatus } from '../fleet/adaptive/adaptive.ts';
import type { LastExit } from '../fleet/exit.ts';
import type { Goal } from '../fleet/goal.ts';
import type { Quantiles } from '../fleet/quantiles.ts';
import type { Share } from '../specification/spec.ts';
import type { MaintenanceState } from '../supervisor/maintenance.ts';
import {
  anyOf,
  documentOf,
  integer,
  nullable,
  number,
  record,
  type Shape,
  text,
  time,
  titled,
  words,
} from './shape.ts';

/*
 * The documents of domain types, which the planner and the supervisor define. They only get a schema here; the type
 * checker compares it with the type, in both directions.
 */

export const QUANTILES = documentOf<Quantiles>(
  'Quantiles',
  {
    count: integer('The number of values.'),
    sum: number(),
    mean: number(),
    p50: number(),
    p90: number(),
    p99: number(),
    max: number(),
  },
  'A distribution; the quantiles are nearest ranks.',
);

export const LAST_EXIT = documentOf<LastExit>(
  'LastExit',
  {
    code: nullable(integer(), 'Null after a signal, or if the exit status is unknown.'),
    signal: nullable(text(), 'Such as SIGKILL.'),
    reason: text(),
    at: time(),
  },
  'How the latest agent of a slot ended.',
);

export const PACE_STATUS = documentOf<PaceStatus>(
  'PaceStatus',
  {
    limit: integer('How many agents may be starting.'),
    ratePerSecond: nullable(
      number(),
      'The best recent rate of agents that became ready; null until it is known.',
    ),
    baseMs: nullable(number(), 'The time from start to ready without a queue.'),
    reason: text(),
  },
  'The current state of `rounds.adaptive`.',
);

export const MAINTENANCE_STATE = documentOf<MaintenanceState>(
  'MaintenanceState',
  { until: nullable(time(), 'Null: until a command ends it.') },
  'Until when alarms are silenced.',
);

/** A number of agents or a share of the fleet. */
export const SHARE: Shape<Share> = titled(
  'Share',
  anyOf(record({ count: integer() }), record({ percent: number() })),
);

/** What a watcher waits for. */
export const GOAL: Shape<Goal> = titled(
  'Goal',
  anyOf(
    record({ kind: words(['ready']), target: integer() }),
    record({ kind: words(['restarted']), target: integer(), slots: text(), generation: integer() }),
    record({ kind: words(['gone']), slots: text('Ranges such as 10-19,25.') }),
    record({ kind: words(['rollout']), id: integer(), wants: words(['done', 'rolled-back']) }),
    record({ kind: words(['on-release']), release: text() }),
    record({ kind: words(['reloaded']), id: integer() }),
  ),
);
