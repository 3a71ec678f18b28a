import { sparse } from '../specification/group.ts';
import { LAST_EXIT } from './domain.ts';
import { bytes, json, type Operations } from './operation.ts';
import { COUNT, ONE_FLEET, SLOTS, SWITCH } from './parameters.ts';
import {
  integer,
  list,
  named,
  nullable,
  number,
  type Of,
  opaque,
  optional,
  text,
  time,
  words,
} from './shape.ts';

const AGENT_STATE = words(['starting', 'ready', 'unready', 'stopping', 'backoff', 'failed', 'completed']);
export type AgentState = Of<typeof AGENT_STATE>;

const USAGE_ROW = named(
  'UsageRow',
  {
    cpuPercent: number('Percent of one processor, since the previous request.'),
    cpuSeconds: number(),
    threads: integer(),
    files: nullable(integer(), 'Open files; null if they cannot be counted.'),
  },
  'What the main process of an agent uses apart from memory.',
);
export type UsageRow = Of<typeof USAGE_ROW>;

export const AGENT_ROW = named(
  'AgentRow',
  {
    fleet: text(),
    slot: integer(),
    state: AGENT_STATE,
    pid: nullable(integer(), 'Null if no process runs.'),
    port: nullable(integer(), 'The first port of its slot; null if the fleet has no ports.'),
    address: optional(text('Its own address; absent if the fleet has no addresses.')),
    ports: optional(
      opaque<Record<string, number>>(
        { type: 'object', additionalProperties: { type: 'integer' } },
        'Its ports by name; absent if they have no names.',
      ),
    ),
    socket: text('Path of its Unix socket.'),
    dir: text('Its state directory.'),
    release: nullable(text()),
    moved: optional(
      text('Which symbolic link in its paths led elsewhere at its start than when its release was made.'),
    ),
    restarts: integer(),
    startedAt: nullable(time()),
    rssBytes: nullable(integer(), 'From the latest sample.'),
    lastExit: nullable(LAST_EXIT),
    usage: optional(nullable(USAGE_ROW, 'Present if the request asks for `usage`.')),
  },
  'One line of `ps`.',
);
export type AgentRow = Of<typeof AGENT_ROW>;

export const AGENTS_DOCUMENT = named('AgentsDocument', { agents: list(AGENT_ROW) });
export type AgentsDocument = Of<typeof AGENTS_DOCUMENT>;

export const AGENT_OPERATIONS = {
  agents: {
    method: 'GET',
    path: '/v1/agents',
    summary: 'List agents',
    access: 'read',
    query: sparse({
      fleet: ONE_FLEET,
      slots: { type: SLOTS, otherwise: 'all slots', help: 'Only these slots.' },
      usage: {
        type: SWITCH,
        otherwise: 'false',
        help: 'Include processor time, threads and open files, for at most 256 agents.',
      },
    }),
    answer: json(AGENTS_DOCUMENT),
    errors: ['UNKNOWN', 'USAGE'],
  },
  log: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/slots/{slot}/log',
    summary: 'Read the output of an agent',
    access: 'secret',
    query: sparse({
      lines: { type: COUNT, otherwise: '100', help: 'How many lines from the end, at most 100,000.' },
      follow: { type: SWITCH, otherwise: 'false', help: 'Continue with new output as the agent writes it.' },
    }),
    answer: bytes('application/octet-stream', 'The output, byte for byte.'),
    errors: ['UNKNOWN', 'USAGE', 'SLOT_UNKNOWN', 'STATE_UNUSABLE'],
  },
} as const satisfies Operations;
