import { either, group, shaped } from '../group.ts';
import { duration, share } from '../quantities.ts';
import { AGENTS_MAX } from '../slots.ts';
import { BOOLEAN, integer, OFF, parsedSchema, SIGNAL, word } from '../types.ts';

export const ROUNDS = group({
  parallel: {
    type: integer(1, AGENTS_MAX),
    default: 15,
    live: true,
    flag: '--parallel <n>',
    help: 'Maximum number of agents that are starting at any time, whatever started them.',
  },
  delay: {
    type: duration(),
    default: '3s',
    live: true,
    flag: '--round-delay <duration>',
    help: 'Pause after a round, once all its agents are ready.',
  },
  adaptive: {
    type: BOOLEAN,
    default: false,
    flag: '--adaptive',
    help: 'Adapts the number of starting agents to how fast they become ready: it begins at parallel, stays between 1 and parallelMax, and ignores delay.',
  },
  parallelMax: {
    type: integer(1, AGENTS_MAX),
    default: 500,
    help: 'Upper bound of the number of starting agents with adaptive.',
  },
});

export const HEALTH = group({
  every: { type: duration(10), default: '30s', help: 'Interval between two checks.' },
  failures: {
    type: integer(1, 1_000),
    default: 3,
    help: 'Number of consecutive failed checks after which an agent is restarted.',
  },
});

const STORM_LIMIT = group({
  failures: {
    type: share('above 0'),
    default: '10%',
    help: 'Number of failed agents that holds the fleet, or a share of the target.',
  },
  within: { type: duration(1), default: '1m', help: 'Period in which these failures are counted.' },
});
const STORM = shaped(
  either(OFF, STORM_LIMIT),
  { anyOf: [parsedSchema(STORM_LIMIT), { type: 'null' }] },
  (storm) => (storm === 'off' ? null : storm),
);

export const RESTART = group({
  on: {
    type: word('always', 'on-failure', 'never'),
    default: 'always',
    help: 'After which exits an agent is started again.',
  },
  backoff: {
    type: group({
      min: { type: duration(1), default: '1s', help: 'Delay before the first restart.' },
      max: { type: duration(1), default: '5m', help: 'Maximum delay.' },
    }),
    default: {},
    help: 'Delay before a restart; doubles with every consecutive failure.',
  },
  storm: {
    type: STORM,
    default: {},
    help: 'Holds the fleet when many agents fail within a short time; or off.',
  },
});

export const STOP = group({
  signal: { type: SIGNAL, default: 'SIGTERM', help: 'The first signal.' },
  grace: { type: duration(), default: '30s', help: 'Time from the first signal to SIGKILL.' },
  parallel: {
    type: integer(1, AGENTS_MAX),
    default: 100,
    help: 'Maximum number of agents that are stopping at any time.',
  },
});

export const UPDATE = group({
  batch: { type: share('above 0'), default: 500, help: 'Number of agents replaced together.' },
  wait: { type: duration(), default: '60s', help: 'How long each batch is observed before the next one.' },
  canary: {
    type: integer(0, AGENTS_MAX),
    default: 0,
    help: 'Number of agents replaced first, in a batch of their own.',
  },
  maxFailed: {
    type: share('0 or more'),
    default: '1%',
    help: 'Maximum number of failed agents; more of them end the rollout.',
  },
  rollback: { type: BOOLEAN, default: true, help: 'Rolls back automatically when too many agents fail.' },
  healthyDeadline: {
    type: duration(1),
    default: '5m',
    help: 'Time after which an agent that is not ready counts as failed.',
  },
  keep: { type: integer(1, 1_000), default: 5, help: 'Number of releases kept for a rollback.' },
  drain: {
    type: group({
      connections: {
        type: BOOLEAN,
        default: true,
        help: 'Waits until the agent has no connections.',
      },
      timeout: { type: duration(), default: '30s', help: 'Maximum wait.' },
    }),
    help: 'Lets an agent finish its work before it is replaced.',
  },
});
