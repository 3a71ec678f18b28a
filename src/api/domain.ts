import type { PaceStatus } from '../fleet/adaptive/adaptive.ts';
import type { LastExit } from '../fleet/agent.ts';
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
 * The documents of types that belong to the domain: the planner's and the supervisor's own. The domain says what they
 * are; here they only get a schema, and the type checker sees to it that both agree.
 */

export const QUANTILES = documentOf<Quantiles>(
  'Quantiles',
  {
    count: integer('How many values there are.'),
    sum: number(),
    mean: number(),
    p50: number(),
    p90: number(),
    p99: number(),
    max: number(),
  },
  'A distribution in a few numbers; quantiles by nearest rank.',
);

export const LAST_EXIT = documentOf<LastExit>(
  'LastExit',
  {
    code: nullable(integer(), 'Null after a signal, or where nobody could know.'),
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
      'Agents that became ready per second, at best; null before that is known.',
    ),
    baseMs: nullable(number(), 'From start to ready without a queue.'),
    reason: text(),
  },
  'What `rounds.adaptive` has come to.',
);

export const MAINTENANCE_STATE = documentOf<MaintenanceState>(
  'MaintenanceState',
  { until: nullable(time(), 'Null: until alarms are turned on again.') },
  'Alarms are silenced.',
);

/** A number of agents, or a share of the fleet. */
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
  ),
);
