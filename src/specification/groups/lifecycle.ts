import { either, exactlyOne, type Group, group, shaped } from '../group.ts';
import { duration, PERCENT, share } from '../quantities.ts';
import { CHECK } from '../ready.ts';
import { AGENTS_MAX } from '../slots.ts';
import type { Reload } from '../spec.ts';
import { ARGV } from '../templates.ts';
import { BOOLEAN, integer, listOf, OFF, onlyKey, parsedSchema, SIGNAL, text, word } from '../types.ts';

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
  perMinute: {
    type: integer(1, 1_000_000),
    example: 600,
    help: 'Maximum number of starts per minute, next to parallel and delay.',
  },
});

export const START = group({
  before: {
    type: ARGV,
    example: ['./clean', '{dir}'],
    help: "Command that runs before every start, after prepare, as the slot's user.",
  },
  timeout: {
    type: duration(1),
    default: '30s',
    help: 'Time after which before is ended, and the start has failed.',
  },
});

export const HEALTH = group({
  check: {
    type: CHECK,
    otherwise: 'the ready check',
    example: { http: '/live' },
    help: 'What is checked: one of the kinds of ready.',
  },
  every: { type: duration(10), default: '30s', help: 'Interval between two checks.' },
  failures: {
    type: integer(1, 1_000),
    default: 3,
    help: 'Number of consecutive failed checks after which an agent is restarted.',
  },
  timeout: {
    type: duration(1),
    default: '5s',
    help: 'Time after which a check without an answer has failed.',
  },
  after: {
    type: duration(),
    default: '0s',
    help: 'Time after ready in which a failed check does not count.',
  },
});

const EXIT_CODE = integer(0, 255);
const CODES_MAX = 256;
/** The times of the restarts of each slot are kept. */
const ATTEMPTS_MAX = 100;

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
  success: {
    type: listOf(EXIT_CODE, CODES_MAX),
    default: [0],
    help: 'Exit codes with which an agent that was ready has ended well; signal n counts as 128 + n.',
  },
  never: {
    type: listOf(EXIT_CODE, CODES_MAX),
    default: [],
    example: [78],
    help: 'Exit codes after which an agent is not started again; signal n counts as 128 + n.',
  },
  attempts: {
    type: group({
      count: {
        type: integer(1, ATTEMPTS_MAX),
        required: true,
        example: 5,
        help: 'Number of restarts after failures.',
      },
      within: {
        type: duration(1),
        required: true,
        example: '10m',
        help: 'Period in which they are counted.',
      },
    }),
    help: 'Maximum number of restarts of a slot within a period; then it is failed.',
  },
  settle: {
    type: duration(),
    default: '10s',
    help: 'An exit sooner than this after ready is a failed start, unless it is a success.',
  },
  maxAge: {
    type: group({
      after: { type: duration(1_000), required: true, example: '24h', help: 'Maximum age.' },
      jitter: {
        type: PERCENT,
        default: '10%',
        help: 'Share of the age by which agents are restarted sooner, each by another part of it.',
      },
    }),
    help: 'Age at which an agent is restarted, within the rounds.',
  },
});

export const STOP = group({
  signal: { type: SIGNAL, default: 'SIGTERM', help: 'The first signal.' },
  to: {
    type: word('main', 'all'),
    default: 'main',
    help: 'Who gets it: the main process, and what it forked once it has ended; or all at once.',
  },
  grace: { type: duration(), default: '30s', help: 'Time from the beginning of a stop to SIGKILL.' },
  command: {
    type: ARGV,
    example: ['./drain'],
    help: 'Command that runs before the signal, within the grace, as the user of the agent; MAINPID is its main process.',
  },
  parallel: {
    type: integer(1, AGENTS_MAX),
    default: 100,
    help: 'Maximum number of agents that are stopping at any time.',
  },
});

const RELOAD_PATH = text('a path such as /reload', /^\/[!-~]*$/);

/** Exactly one way to reload. */
export const RELOAD: Group<Reload> = shaped(
  exactlyOne({
    signal: { type: SIGNAL, example: 'SIGHUP', help: 'Signal that the main process gets.' },
    exec: { type: ARGV, help: 'Command that runs as the user of the agent; MAINPID is its main process.' },
    http: {
      type: RELOAD_PATH,
      help: 'Path to which a POST is sent, on the port of the agent or else on its socket.',
    },
  }),
  {
    anyOf: [
      onlyKey('signal', parsedSchema(SIGNAL)),
      onlyKey('exec', ARGV.schema),
      onlyKey('http', RELOAD_PATH.schema),
    ],
  },
  ({ signal, exec, http }): Reload => {
    if (signal !== null) return { signal };
    return exec !== null ? { exec } : { http: http! };
  },
);

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
