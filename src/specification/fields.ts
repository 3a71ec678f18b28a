import { either, group, shaped } from './group.ts';
import { PORT_MAX } from './ports.ts';
import { duration, PERCENT, RATE, share, size } from './quantities.ts';
import { READY } from './ready.ts';
import { AGENTS_MAX, SLOT_MAX } from './slots.ts';
import type { User } from './spec.ts';
import { ARGV, ENVIRONMENT } from './templates.ts';
import { BOOLEAN, integer, OFF, positive, SIGNAL, text, word } from './types.ts';

/** Uids are 32 bits; the highest means “no user”, and the highest slot must get one as well. */
const UID_BASE_MAX = 2 ** 32 - 2 - SLOT_MAX;
/** The highest that fs.nr_open can be: proc_sys_fs(5). */
const NOFILE_MAX = 1_073_741_816;
/** PID_MAX_LIMIT of 64-bit kernels. */
const PIDS_MAX = 4_194_304;
/** One page: the kernel counts memory in pages. */
const MEMORY_BYTES_MIN = 4_096;

const PATH = text('a path', /^[^\0]+$/);
const URL = text('a URL that begins with http:// or https://', /^https?:\/\/[^\s]+$/);
const JSON_FIELD = text('the name of a field of a JSON document', /^[^\s]+$/);

const USER = shaped(
  either(
    text('the name of a user', /^[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?$/),
    group({
      base: {
        type: integer(1, UID_BASE_MAX),
        required: true,
        example: 100_000,
        help: 'Slot i runs as uid and gid base + i.',
      },
    }),
  ),
  (user): User => (typeof user === 'string' ? { name: user } : user),
);

const STORM = shaped(
  either(
    OFF,
    group({
      failures: {
        type: share('above 0'),
        default: '10%',
        help: 'So many failed agents hold the fleet: a number, or a share of the target.',
      },
      within: { type: duration(1), default: '1m', help: 'The time in which these failures are counted.' },
    }),
  ),
  (storm) => (storm === 'off' ? null : storm),
);

/**
 * The field table: every key of a spec, once. Parser, JSON Schema, command line flags, template and reference are
 * all derived from it, and so is the type of what the parser gives.
 */
export const FLEET = group({
  name: {
    type: text('1 to 31 lower-case letters, digits and -, a letter first', /^[a-z][a-z0-9-]{0,30}$/),
    required: true,
    example: 'pilot',
    live: true,
    flag: '--name <name>',
    help: 'Name of the fleet, unique on this host.',
  },
  command: {
    type: ARGV,
    required: true,
    example: ['./pilot-daemon', '-state', '{dir}', '-listen', ':{port}'],
    live: true,
    help: 'The program and its arguments; no shell is involved.',
  },
  target: {
    type: integer(0, AGENTS_MAX),
    otherwise: 'the TARGET of the command line',
    example: 10,
    live: true,
    help: 'How many agents run.',
  },
  binary: {
    type: PATH,
    example: './pilot-daemon',
    help: 'File copied into the release store, so that replacing it never disturbs running agents.',
  },
  env: {
    type: ENVIRONMENT,
    default: {},
    example: { GOGC: '50' },
    flag: '--env <name=value>',
    repeat: true,
    help: 'Environment variables of the agents.',
  },
  envFile: {
    type: PATH,
    example: '/etc/fleet/pilot.env',
    help: 'File with further variables, for secrets: no command, log or API shows them.',
  },
  user: {
    type: USER,
    otherwise: 'the user of the supervisor',
    example: 'pilot',
    help: 'User that the agents run as, or {base: UID} for one user a slot; needs root.',
  },
  prepare: {
    type: ARGV,
    example: ['./init-agent', '{dir}'],
    help: 'Command run once for a slot, before its first start, as its user.',
  },
  ports: {
    type: group({
      base: {
        type: integer(1, PORT_MAX),
        required: true,
        example: 10_000,
        live: true,
        flag: '--port-base <port>',
        help: 'First port of slot 0; slot i owns base + i × perAgent and those that follow.',
      },
      perAgent: { type: integer(1, PORT_MAX), default: 1, help: 'How many ports a slot owns.' },
      protocol: {
        type: word('tcp', 'udp'),
        otherwise: 'what ready says, else both',
        example: 'udp',
        help: 'What the ports are used for.',
      },
    }),
    live: true,
    help: 'The ports of the agents.',
  },
  rounds: {
    type: group({
      parallel: {
        type: integer(1, AGENTS_MAX),
        default: 15,
        live: true,
        flag: '--parallel <n>',
        help: 'At most so many agents are starting at any time, whatever started them.',
      },
      delay: {
        type: duration(),
        default: '3s',
        live: true,
        flag: '--round-delay <duration>',
        help: 'Pause after a round, once all of it is ready.',
      },
      adaptive: {
        type: BOOLEAN,
        default: false,
        flag: '--adaptive',
        help: 'How many agents may be starting follows how soon they get ready: from parallel on, between 1 and parallelMax, without delay.',
      },
      parallelMax: {
        type: integer(1, AGENTS_MAX),
        default: 500,
        help: 'At most so many agents are starting at any time when adaptive.',
      },
    }),
    default: {},
    live: true,
    help: 'How many agents are started together.',
  },
  ready: {
    type: READY,
    default: {},
    otherwise:
      'socket if the command uses {socket}, else tcp or udp (ports.protocol, or either) if it uses {port}, else after: 1s',
    example: { udp: true, timeout: '30s' },
    flag: '--ready <check>',
    help: 'When an agent is ready, one of: tcp, udp, socket, http:/path, exec (only in a file), notify, after:2s.',
  },
  health: {
    type: group({
      every: { type: duration(10), default: '30s', help: 'Time from one check to the next.' },
      failures: {
        type: integer(1, 1_000),
        default: 3,
        help: 'An agent that fails so many checks in a row is restarted.',
      },
    }),
    help: 'The ready check, repeated while the agent runs.',
  },
  restart: {
    type: group({
      on: {
        type: word('always', 'on-failure', 'never'),
        default: 'always',
        help: 'After which exits an agent is started again.',
      },
      backoff: {
        type: group({
          min: { type: duration(1), default: '1s', help: 'Pause before the first restart.' },
          max: { type: duration(1), default: '5m', help: 'The longest pause.' },
        }),
        default: {},
        help: 'Pause before a restart, doubled at every failure in a row.',
      },
      storm: {
        type: STORM,
        default: {},
        help: 'Holds the fleet when many agents fail at once; or off.',
      },
    }),
    default: {},
    help: 'What happens when an agent exits.',
  },
  stop: {
    type: group({
      signal: { type: SIGNAL, default: 'SIGTERM', help: 'The first signal.' },
      grace: { type: duration(), default: '30s', help: 'Time until SIGKILL.' },
      parallel: {
        type: integer(1, AGENTS_MAX),
        default: 100,
        help: 'At most so many agents are stopping at any time.',
      },
    }),
    default: {},
    help: 'How agents are stopped.',
  },
  resources: {
    type: group({
      memory: {
        type: group({
          request: {
            type: size(MEMORY_BYTES_MIN),
            example: '10M',
            help: 'Memory that the kernel leaves to an agent when it is short (memory.low).',
          },
          limit: {
            type: size(MEMORY_BYTES_MIN),
            example: '64M',
            help: 'Memory that an agent cannot exceed, by swap neither (memory.max); beyond it, it is killed and restarted.',
          },
        }),
        help: 'Memory of an agent.',
      },
      cpu: { type: positive(8_192), example: 0.5, help: 'Processors that an agent can fill.' },
      pids: {
        type: integer(1, PIDS_MAX),
        example: 64,
        help: 'How many processes and threads an agent can have.',
      },
      nofile: {
        type: integer(3, NOFILE_MAX),
        otherwise: 'the soft limit that the supervisor was started with',
        example: 4_096,
        help: 'How many files an agent can have open.',
      },
    }),
    help: 'Limits of each agent.',
  },
  leak: {
    type: group({
      every: { type: duration(10), default: '5m', help: 'Time from one sample of the memory to the next.' },
      growth: { type: RATE, default: '100M/h', help: 'Growth of the whole fleet that raises the alarm.' },
      agentLimit: {
        type: size(MEMORY_BYTES_MIN),
        example: '20M',
        help: 'An agent above this is named.',
      },
      recycle: { type: BOOLEAN, default: false, help: 'Restarts leaking agents, within the rounds.' },
      connections: {
        type: group({
          http: {
            type: URL,
            required: true,
            example: 'http://127.0.0.1:8080/stats',
            help: 'Where the number of connections can be read.',
          },
          field: {
            type: JSON_FIELD,
            required: true,
            example: 'connections_active',
            help: 'Field of the JSON document there.',
          },
        }),
        help: 'Tells growth by load from growth by leak.',
      },
    }),
    help: 'Alarms when memory grows; it is sampled all the same.',
  },
  pressure: {
    type: group({
      available: { type: PERCENT, default: '20%', help: 'No starts while less memory is available.' },
      hook: {
        type: ARGV,
        example: ['./pause-benchmarks'],
        help: 'Command run when memory becomes short, and when it is not any more (FLEET_PRESSURE is begin or end).',
      },
    }),
    help: 'What happens when the memory of the host is short.',
  },
  verify: {
    type: group({
      http: {
        type: URL,
        required: true,
        example: 'http://127.0.0.1:8080/api/stats',
        help: 'Where somebody else’s count of the agents can be read.',
      },
      field: {
        type: JSON_FIELD,
        required: true,
        example: 'online_agents',
        help: 'Field of the JSON document there.',
      },
      atLeast: { type: PERCENT, default: '95%', help: 'The share of the agents that must be counted there.' },
    }),
    help: 'Somebody else’s count of the agents.',
  },
  update: {
    type: group({
      batch: { type: share('above 0'), default: 500, help: 'Agents replaced together.' },
      wait: { type: duration(), default: '60s', help: 'Pause after a batch, to see whether it holds.' },
      canary: { type: integer(0, AGENTS_MAX), default: 0, help: 'Agents replaced first, alone.' },
      maxFailed: {
        type: share('from 0 on'),
        default: '1%',
        help: 'More failed agents than this end the rollout.',
      },
      rollback: { type: BOOLEAN, default: true, help: 'Goes back by itself when too many fail.' },
      healthyDeadline: {
        type: duration(1),
        default: '5m',
        help: 'An agent not ready after this time has failed.',
      },
      keep: { type: integer(1, 1_000), default: 5, help: 'Releases kept for a rollback.' },
      drain: {
        type: group({
          connections: { type: BOOLEAN, default: true, help: 'Waits until the agent has no connections.' },
          timeout: { type: duration(), default: '30s', help: 'The longest wait.' },
        }),
        help: 'Lets an agent finish its work before it is replaced.',
      },
    }),
    default: {},
    help: 'How a rolling update goes.',
  },
  logs: {
    type: group({
      to: {
        type: word('file', 'null', 'journal'),
        default: 'file',
        help: 'Where the output of the agents goes.',
      },
      maxSize: { type: size(1_024), default: '1M', help: 'An agent’s log is rotated at this size.' },
    }),
    default: {},
    help: 'The output of the agents.',
  },
});
