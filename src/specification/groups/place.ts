import { either, group, shaped } from '../group.ts';
import { PORT_MAX } from '../ports.ts';
import { size } from '../quantities.ts';
import { SLOT_MAX } from '../slots.ts';
import type { User } from '../spec.ts';
import { integer, onlyKey, parsedSchema, text, word } from '../types.ts';

/** Uids have 32 bits, and the highest means "no user"; the highest slot must get a uid as well. */
const UID_BASE_MAX = 2 ** 32 - 2 - SLOT_MAX;

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

export const PORTS = group({
  base: {
    type: integer(1, PORT_MAX),
    required: true,
    example: 10_000,
    live: true,
    flag: '--port-base <port>',
    help: 'First port of slot 0. Slot i owns perAgent ports from base + i × perAgent on.',
  },
  perAgent: { type: integer(1, PORT_MAX), default: 1, help: 'Number of ports per slot.' },
  protocol: {
    type: word('tcp', 'udp'),
    otherwise: 'the protocol of ready, else both',
    example: 'udp',
    help: 'Protocol of the ports.',
  },
});

export const LOGS = group({
  to: {
    type: word('file', 'null', 'journal'),
    default: 'file',
    help: 'Where the output of the agents goes.',
  },
  maxSize: { type: size(1_024), default: '1M', help: "Size at which an agent's log is rotated." },
});
