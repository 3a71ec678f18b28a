import { type Group, type Output, oneOf } from './group.ts';
import { duration } from './quantities.ts';
import type { Ready } from './spec.ts';
import { ARGV } from './templates.ts';
import { type JsonSchema, parsedSchema, TRUE, text, word } from './types.ts';

const KINDS = {
  tcp: { type: TRUE, help: 'The agent listens on its TCP port.' },
  udp: { type: TRUE, help: 'The agent has bound its UDP port.' },
  socket: { type: TRUE, help: 'The agent listens on its Unix socket.' },
  http: {
    type: text('a path such as /health', /^\/[!-~]*$/),
    help: 'The agent answers an HTTP GET of this path with a success status, on its port or else on its socket.',
  },
  exec: { type: ARGV, help: 'This command exits with code 0.' },
  notify: { type: TRUE, help: 'The agent has sent READY=1 to NOTIFY_SOCKET.' },
  after: { type: duration(), help: 'The agent still runs after this time.' },
  timeout: {
    type: duration(1),
    default: '30s',
    flag: '--ready-timeout <duration>',
    help: 'Time after its start at which an agent that is not ready is stopped and counts as failed.',
  },
} as const;

/** A readiness check as written. Its kind is null if only the timeout was written; parseSpec then chooses one. */
export type WrittenReady = Ready | { kind: null; timeoutMs: number };

const MAPPING = oneOf(KINDS);
const WORD = word('tcp', 'udp', 'socket', 'notify');

/** The forms of a complete check, once parseSpec has chosen its kind. */
const PARSED = [
  form(['tcp', 'udp', 'port', 'socket', 'notify'], {}),
  form(['http'], { path: KINDS.http.type.schema }),
  form(['exec'], { argv: ARGV.schema }),
  form(['after'], { afterMs: parsedSchema(KINDS.after.type) }),
];

function form(kinds: readonly Ready['kind'][], more: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const properties = { kind: { enum: kinds }, ...more, timeoutMs: parsedSchema(KINDS.timeout.type) };
  return { type: 'object', properties, required: Object.keys(properties) };
}

/** How an agent shows that it is ready: a mapping with one kind, or just the name of a kind without a value. */
export const READY: Group<WrittenReady> = {
  ...MAPPING,
  expected: `${WORD.expected}, or ${MAPPING.expected}`,
  schema: { anyOf: [WORD.schema, MAPPING.schema] },
  parsed: { anyOf: PARSED },
  read: (value, path, problems) => {
    const before = problems.length;
    const written = MAPPING.read(typeof value === 'string' ? { [value]: true } : value, path, problems);
    return written === undefined || problems.length > before ? undefined : toReady(written);
  },
  fromText: (text) => {
    const [, kind, argument] = /^(\w+):(.*)$/s.exec(text) ?? [];
    return kind === undefined ? { [text]: true } : { [kind]: argument };
  },
};

function toReady(written: Output<typeof KINDS>): WrittenReady {
  const { http, exec, afterMs, timeoutMs, tcp, udp, socket, notify, ...unknown } = written;
  // A kind that this function forgets must not be accepted and ignored: it fails here, at compile time.
  unknown satisfies Record<string, never>;
  if (http !== null) return { kind: 'http', path: http, timeoutMs };
  if (exec !== null) return { kind: 'exec', argv: exec, timeoutMs };
  if (afterMs !== null) return { kind: 'after', afterMs, timeoutMs };
  const flags = { tcp, udp, socket, notify };
  const kind = (Object.keys(flags) as (keyof typeof flags)[]).find((each) => flags[each]) ?? null;
  return { kind, timeoutMs };
}
