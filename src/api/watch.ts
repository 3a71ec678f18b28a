import type { Goal } from '../fleet/goal.ts';
import { sparse } from '../specification/group.ts';
import { show } from '../specification/problems.ts';
import type { Type } from '../specification/types.ts';
import { GOAL } from './domain.ts';
import { FLEET_COUNTS } from './fleets.ts';
import { lines, type Operations } from './operation.ts';
import { RELOAD_DOCUMENT } from './reload.ts';
import { ROLLOUT_DOCUMENT } from './rollout.ts';
import { anyOf, integer, named, type Of, optional, record, text, titled, words } from './shape.ts';

const ERROR_LINE = named(
  'ErrorLine',
  { code: text(), hint: text() },
  'Why a watch failed, if the cause is a host limit, a hold or a rollback.',
);
export type ErrorLine = Of<typeof ERROR_LINE>;

const WATCH_LINE = titled(
  'WatchLine',
  anyOf(
    record({
      kind: words(['progress']),
      done: integer(),
      of: integer(),
      counts: FLEET_COUNTS,
      rollout: optional(ROLLOUT_DOCUMENT),
    }),
    record({
      kind: words(['end']),
      exitCode: integer(),
      message: text(),
      error: optional(ERROR_LINE),
      sample: optional(text('If starts failed: the output of one of them that says why.')),
      rollout: optional(ROLLOUT_DOCUMENT),
      reload: optional(RELOAD_DOCUMENT),
    }),
  ),
);
export type WatchLine = Of<typeof WATCH_LINE>;

/** The goal from the answer of a command, as JSON text. */
const GOAL_PARAMETER: Type<Goal, ''> = {
  suffix: '',
  expected: 'the goal from the answer of a command, in JSON',
  schema: GOAL.schema,
  fromText: (written) => {
    try {
      return JSON.parse(written);
    } catch {
      return written;
    }
  },
  read: (value, path, problems) => {
    if (isGoal(value)) return value;
    problems.push({ path, text: `expected ${GOAL_PARAMETER.expected}, found ${show(value)}` });
    return undefined;
  },
};

function isGoal(value: unknown): value is Goal {
  const goal = value as Goal | null;
  return (
    (goal?.kind === 'ready' && Number.isInteger(goal.target)) ||
    (goal?.kind === 'restarted' && Number.isInteger(goal.generation) && typeof goal.slots === 'string') ||
    (goal?.kind === 'gone' && typeof goal.slots === 'string') ||
    ((goal?.kind === 'rollout' || goal?.kind === 'reloaded') && Number.isInteger(goal.id)) ||
    (goal?.kind === 'on-release' && typeof goal.release === 'string')
  );
}

export const WATCH_OPERATIONS = {
  watch: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/watch',
    summary: 'Follow the work of a command to its end',
    help: 'The last line has the kind `end`. A broken watch can be repeated, also after a restart of the supervisor.',
    access: 'read',
    query: sparse({
      goal: { type: GOAL_PARAMETER, required: true, help: 'The goal from the answer of the command.' },
    }),
    answer: lines(WATCH_LINE),
    errors: ['UNKNOWN', 'USAGE'],
  },
} as const satisfies Operations;
