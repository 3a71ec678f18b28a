import { CAPABILITIES, type Capability } from '../capabilities.ts';
import { group } from '../group.ts';
import type { LimitValue } from '../spec.ts';
import { PATH_TEMPLATE } from '../templates.ts';
import { BOOLEAN, integer, listOf, scalar, type Type, text, word } from '../types.ts';
import { parseSize } from '../units.ts';

/** A limit of setrlimit(2), in the unit that its help names. */
const LIMIT: Type<LimitValue, ''> = scalar(
  {
    suffix: '',
    expected: 'a number, a size such as 8M, or unlimited',
    schema: {
      anyOf: [
        { type: 'integer', minimum: 0 },
        { type: 'string', pattern: /^(\d{1,15}[KMGT]?|unlimited)$/.source },
      ],
    },
    parsed: { anyOf: [{ type: 'integer', minimum: 0 }, { const: 'unlimited' }] },
  },
  (value) => (value === 'unlimited' ? value : parseSize(value)),
);

export const LIMITS = group({
  as: { type: LIMIT, example: 'unlimited', help: 'Maximum address space, in bytes.' },
  core: { type: LIMIT, otherwise: '0', example: 0, help: 'Maximum size of a core file, in bytes.' },
  cpu: { type: LIMIT, example: 'unlimited', help: 'Maximum processor time, in seconds.' },
  data: { type: LIMIT, example: 'unlimited', help: 'Maximum data segment, in bytes.' },
  fsize: {
    type: LIMIT,
    otherwise: 'unlimited',
    example: 'unlimited',
    help: 'Maximum size of a file, in bytes.',
  },
  memlock: { type: LIMIT, otherwise: '8M', example: '8M', help: 'Maximum locked memory, in bytes.' },
  msgqueue: { type: LIMIT, example: '800K', help: 'Maximum bytes in POSIX message queues of the user.' },
  nproc: {
    type: LIMIT,
    otherwise: 'unlimited',
    example: 4_096,
    help: 'Maximum number of processes and threads of the user.',
  },
  sigpending: { type: LIMIT, example: 1_024, help: 'Maximum number of queued signals of the user.' },
  stack: {
    type: LIMIT,
    otherwise: '8M',
    example: '8M',
    help: 'Maximum stack of the first thread, in bytes.',
  },
});

const CAPABILITY: Type<Capability, ''> = scalar(
  {
    suffix: '',
    expected: 'a capability such as NET_BIND_SERVICE',
    schema: { enum: CAPABILITIES.flatMap((name) => [name, `CAP_${name}`]) },
    parsed: { enum: CAPABILITIES },
  },
  (value) => CAPABILITIES.find((name) => name === value || `CAP_${name}` === value) ?? null,
);

const CPUS = /^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/;
const PROCESSORS: Type<string, ''> = scalar(
  {
    suffix: '',
    expected: 'processors such as 0-3,6',
    schema: {
      anyOf: [
        { type: 'string', pattern: CPUS.source },
        { type: 'integer', minimum: 0 },
      ],
    },
    parsed: { type: 'string', pattern: CPUS.source },
  },
  (value) => {
    const written = typeof value === 'number' ? String(value) : value;
    return typeof written === 'string' && CPUS.test(written) && cpusOf(written).size > 0 ? written : null;
  },
);
const NAME = text('the name of a group', /^[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?$/);
const GROUPS_MAX = 64;

export const PROCESS = group({
  nice: { type: integer(-20, 19), otherwise: '0', example: 5, help: 'Nice value; below 0 needs root.' },
  ionice: {
    type: text(
      'idle, best-effort:0 to best-effort:7, or realtime:0 to realtime:7',
      /^(idle|(best-effort|realtime)(:[0-7])?)$/,
    ),
    otherwise: 'that of the nice value',
    example: 'idle',
    help: 'I/O class, with its priority; realtime needs root.',
  },
  cpus: {
    type: PROCESSORS,
    otherwise: 'all',
    example: '0-3',
    help: 'Processors that the agent may run on.',
  },
  umask: {
    type: text('an octal number in quotes, such as "027"', /^0?[0-7]{1,3}$/),
    default: '022',
    help: 'File mode creation mask, in octal digits and in quotes.',
  },
  group: { type: NAME, otherwise: "the user's", example: 'pilot', help: 'Group of the agents.' },
  groups: {
    type: listOf(NAME, GROUPS_MAX),
    otherwise: "the user's",
    example: ['video'],
    help: "Further groups, next to the user's.",
  },
  oomScoreAdj: {
    type: integer(-1_000, 1_000),
    default: 500,
    help: 'Added to the score by which the kernel chooses what to kill when memory runs out.',
  },
  capabilities: {
    type: listOf(CAPABILITY, CAPABILITIES.length),
    default: [],
    example: ['NET_BIND_SERVICE'],
    help: 'Capabilities that the agent keeps as an ordinary user (ambient); needs root.',
  },
});

const WRITABLE_MAX = 64;

export const SANDBOX = group({
  readOnly: {
    type: BOOLEAN,
    default: true,
    help: 'The file system is read-only, except {dir}, the directory of {socket}, writable, /dev, /proc and a private /tmp.',
  },
  tmp: {
    type: word('private', 'shared'),
    default: 'private',
    help: 'private: /tmp and /var/tmp are empty, in memory, and end with the agent; shared: they are those of the host.',
  },
  writable: {
    type: listOf(PATH_TEMPLATE, WRITABLE_MAX),
    default: [],
    example: ['/var/cache/pilot'],
    help: 'Further paths that agents may write to, as far as their user may; they must exist.',
  },
});

/** The processors of a list such as 0-3,6; none if a range is empty. */
export function cpusOf(list: string): Set<number> {
  const cpus = new Set<number>();
  for (const range of list.split(',')) {
    const [from, to = from] = range.split('-').map(Number) as [number, number?];
    for (let cpu = from; cpu <= to; cpu++) cpus.add(cpu);
  }
  return cpus;
}
