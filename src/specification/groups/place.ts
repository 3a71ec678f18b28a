import { blockProblem } from '../addresses.ts';
import { either, group, shaped } from '../group.ts';
import { PORT_MAX } from '../ports.ts';
import { size } from '../quantities.ts';
import { SLOT_MAX } from '../slots.ts';
import type { User } from '../spec.ts';
import { integer, listOf, onlyKey, parsedSchema, scalar, type Type, text, word } from '../types.ts';

/** Uids have 32 bits, and the highest means "no user"; the highest slot must get a uid as well. */
const UID_BASE_MAX = 2 ** 32 - 2 - SLOT_MAX;

/** Each is a file, and each cut renames them all. */
const LOG_PARTS_MAX = 100;

const USER_NAME = text('the name of a user', /^[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?$/);
const USER_BASE = group({
  base: {
    type: integer(1, UID_BASE_MAX),
    required: true,
    example: 100_000,
    help: 'Slot i runs as uid and gid base + i.',
  },
});
export const USER = shaped(
  either(USER_NAME, USER_BASE),
  { anyOf: [onlyKey('name', USER_NAME.schema), parsedSchema(USER_BASE)] },
  (user): User => (typeof user === 'string' ? { name: user } : user),
);

const PORT_NAME = text(
  'a name of lower-case letters, digits and hyphens, such as metrics',
  /^[a-z][a-z0-9-]{0,30}$/,
);
const NAMES_MAX = 64;

const WRITTEN_PORTS = group({
  base: {
    type: integer(1, PORT_MAX),
    example: 10_000,
    live: true,
    flag: '--port-base <port>',
    help: 'First port of slot 0. Slot i owns perAgent ports from base + i × perAgent on.',
  },
  same: {
    type: integer(1, PORT_MAX),
    help: 'Port of all agents, each on its own address (addresses); instead of base.',
  },
  perAgent: {
    type: integer(1, PORT_MAX),
    otherwise: 'the number of names, else 1',
    example: 1,
    help: 'Number of ports per slot.',
  },
  names: {
    type: listOf(PORT_NAME, NAMES_MAX),
    help: 'Names of the ports of a slot, for {port.NAME} and FLEET_PORT_NAME; {port} is the first.',
  },
  protocol: {
    type: word('tcp', 'udp'),
    otherwise: 'the protocol of ready, else both',
    example: 'udp',
    help: 'Protocol of the ports.',
  },
});

const PORT = integer(1, PORT_MAX).schema;
const PROTOCOL = word('tcp', 'udp').schema;
const PARSED_PORTS = {
  base: PORT,
  same: { type: 'boolean' },
  perAgent: PORT,
  names: { anyOf: [{ type: 'array', items: PORT_NAME.schema }, { type: 'null' }] },
  protocol: { anyOf: [PROTOCOL, { type: 'null' }] },
};

/** The ports as written; parseSpec completes them. */
export const PORTS = {
  ...WRITTEN_PORTS,
  parsed: { type: 'object', properties: PARSED_PORTS, required: Object.keys(PARSED_PORTS) },
};

const BLOCK: Type<string, ''> = scalar(
  {
    suffix: '',
    expected: 'a block of addresses such as 127.16.0.0/16 or fd00::/64',
    schema: { type: 'string', pattern: /^[0-9a-fA-F.:]+\/\d{1,3}$/.source },
  },
  (value) => (typeof value === 'string' && blockProblem(value) === null ? value : null),
  (value) => (typeof value === 'string' ? `: ${blockProblem(value)}` : ''),
);

export const ADDRESSES = group({
  base: {
    type: BLOCK,
    required: true,
    example: '127.16.0.0/16',
    help: 'Slot i owns the address base + i + 1.',
  },
});

export const LOGS = group({
  to: {
    type: word('file', 'null', 'journal'),
    default: 'file',
    help: 'Where the output of the agents goes.',
  },
  maxSize: {
    type: size(1_024),
    default: '1M',
    help: "Size of an agent's log with its older half; at half of it, the log is rotated.",
  },
  keep: {
    type: integer(1, LOG_PARTS_MAX),
    default: 1,
    help: 'Number of older parts that are kept, each at most half of maxSize.',
  },
  stderr: {
    type: word('same', 'separate'),
    default: 'same',
    help: 'separate: standard error goes to a log of its own, SLOT.err.log.',
  },
});
