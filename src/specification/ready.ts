import { type Fields, type Group, type Output, oneOf, shaped } from './group.ts';
import { duration } from './quantities.ts';
import type { Check, CodeRange, Ready } from './spec.ts';
import { ARGV, HEADERS } from './templates.ts';
import { type JsonSchema, parsedSchema, scalar, TRUE, type Type, text, word } from './types.ts';

const STATUS_PATTERN = /^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/;

/** Status codes of HTTP that a check accepts: `200-399`, `204`, `200-299,404`. */
const STATUS: Type<CodeRange[], ''> = scalar(
  {
    suffix: '',
    expected: 'status codes such as 200-399 or 200,204',
    schema: {
      anyOf: [
        { type: 'string', pattern: STATUS_PATTERN.source },
        { type: 'integer', minimum: 100, maximum: 599 },
      ],
    },
    parsed: { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
  },
  (value) => {
    const written = typeof value === 'number' ? String(value) : value;
    if (typeof written !== 'string' || !STATUS_PATTERN.test(written)) return null;
    const ranges = written.split(',').map((range): CodeRange => {
      const [from, to = from] = range.split('-').map(Number) as [number, number?];
      return [from, to];
    });
    return ranges.every(([from, to]) => from <= to) ? ranges : null;
  },
);

const KINDS = {
  tcp: { type: TRUE, help: 'The agent listens on its TCP port.' },
  udp: { type: TRUE, help: 'The agent has bound its UDP port.' },
  socket: { type: TRUE, help: 'The agent listens on its Unix socket.' },
  http: {
    type: text('a path such as /health', /^\/[!-~]*$/),
    help: 'The agent answers an HTTP GET of this path with a status of `status`, on its port or else on its socket.',
  },
  exec: { type: ARGV, help: 'This command exits with code 0.' },
  notify: { type: TRUE, help: 'The agent has sent READY=1 to NOTIFY_SOCKET.' },
  after: { type: duration(), help: 'The agent still runs after this time.' },
} as const;

const HTTP_OPTIONS = {
  status: { type: STATUS, default: '200-299', help: 'Status codes of http that pass the check.' },
  host: {
    type: text('a host name, with a port if need be', /^[!-~]{1,255}$/),
    example: 'example.org',
    help: 'Host header of http.',
  },
  headers: {
    type: HEADERS,
    default: {},
    example: { 'X-Probe': 'fleetd' },
    help: 'Further headers of http, with placeholders.',
  },
} as const;

const TIMES = {
  every: {
    type: duration(10),
    otherwise: 'from 5 ms on, less and less often the longer the start takes',
    example: '250ms',
    help: 'Interval between two checks of an agent that starts.',
  },
  timeout: {
    type: duration(1),
    default: '30s',
    flag: '--ready-timeout <duration>',
    help: 'Time after its start at which an agent that is not ready is stopped and counts as failed.',
  },
} as const;

/** A readiness check as written. Its kind is null if only options were written; parseSpec then chooses one. */
export type WrittenReady = Ready | { kind: null; timeoutMs: number; everyMs: number | null };

const WORD = word('tcp', 'udp', 'socket', 'notify');

/** The forms of a complete check, once parseSpec has chosen its kind. */
function parsedForms(more: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const form = (kinds: readonly Check['kind'][], own: Readonly<Record<string, JsonSchema>>): JsonSchema => {
    const properties = { kind: { enum: kinds }, ...own, ...more };
    return { type: 'object', properties, required: Object.keys(properties) };
  };
  const nullableText = { anyOf: [HTTP_OPTIONS.host.type.schema, { type: 'null' }] };
  return {
    anyOf: [
      form(['tcp', 'udp', 'port', 'socket', 'notify'], {}),
      form(['http'], {
        path: KINDS.http.type.schema,
        status: parsedSchema(STATUS),
        host: nullableText,
        headers: parsedSchema(HEADERS),
      }),
      form(['exec'], { argv: ARGV.schema }),
      form(['after'], { afterMs: parsedSchema(KINDS.after.type) }),
    ],
  };
}

/** A mapping with at most one kind, or just the name of a kind without a value. */
function checkType<O extends Fields, T>(
  options: O,
  parsed: JsonSchema,
  toCheck: (written: Output<typeof KINDS & typeof HTTP_OPTIONS & O>) => T,
): Group<T> {
  const mapping = oneOf(KINDS, { ...HTTP_OPTIONS, ...options });
  const made = shaped(mapping, parsed, (written) =>
    toCheck(written as Output<typeof KINDS & typeof HTTP_OPTIONS & O>),
  );
  return {
    ...made,
    expected: `${WORD.expected}, or ${mapping.expected}`,
    schema: { anyOf: [WORD.schema, mapping.schema] },
    read: (value, path, problems) =>
      made.read(typeof value === 'string' ? { [value]: true } : value, path, problems),
    fromText: (text) => {
      const [, kind, argument] = /^(\w+):(.*)$/s.exec(text) ?? [];
      return kind === undefined ? { [text]: true } : { [kind]: argument };
    },
  };
}

/** How an agent shows that it is ready. */
export const READY: Group<WrittenReady> = checkType(
  TIMES,
  parsedForms({
    timeoutMs: parsedSchema(TIMES.timeout.type),
    everyMs: { anyOf: [parsedSchema(TIMES.every.type), { type: 'null' }] },
  }),
  ({ timeoutMs, everyMs, ...written }) => ({ ...(toCheck(written) ?? { kind: null }), timeoutMs, everyMs }),
);

/** How an agent shows that it is still well: the kinds of READY; null if only options were written. */
export const CHECK: Group<Check | null> = checkType({}, parsedForms({}), toCheck);

function toCheck(written: Output<typeof KINDS & typeof HTTP_OPTIONS>): Check | null {
  const { http, exec, afterMs, tcp, udp, socket, notify, status, host, headers, ...unknown } = written;
  // A kind that this function forgets must not be accepted and ignored: it fails here, at compile time.
  unknown satisfies Record<string, never>;
  if (http !== null) return { kind: 'http', path: http, status, host, headers };
  if (exec !== null) return { kind: 'exec', argv: exec };
  if (afterMs !== null) return { kind: 'after', afterMs };
  const flags = { tcp, udp, socket, notify };
  const kind = (Object.keys(flags) as (keyof typeof flags)[]).find((each) => flags[each]);
  return kind === undefined ? null : { kind };
}
