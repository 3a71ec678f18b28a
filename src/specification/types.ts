import { below, type Problem, show } from './problems.ts';
import { PATTERNS } from './units.ts';

export type JsonSchema = { readonly [keyword: string]: unknown };

/** The values that a key may have. T is their type in a parsed spec; the suffix names their unit there. */
export interface Type<T = unknown, Suffix extends string = string> {
  /** The suffix of the key in the parsed spec: `delay` becomes `delayMs`. */
  readonly suffix: Suffix;
  /** What an error states as expected. */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** The schema of the parsed value; absent if a value is parsed to itself. */
  readonly parsed?: JsonSchema;
  /** Returns the parsed value; or adds to the problems, and returns undefined. */
  readonly read: (value: unknown, path: string, problems: Problem[]) => T | undefined;
  /** Returns the value of the text after a command line flag; absent if it is the text itself. */
  readonly fromText?: (text: string) => unknown;
}

/** Signals that end a daemon, or that daemons use as a request to end. */
const STOP_SIGNALS = [
  'SIGTERM',
  'SIGINT',
  'SIGQUIT',
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGABRT',
  'SIGPWR',
  'SIGWINCH',
  'SIGKILL',
] as const;

/** A type without parts. `parse` returns null for an invalid value; `note` may add a hint about it. */
export function scalar<T, Suffix extends string>(
  type: Omit<Type<T, Suffix>, 'read'>,
  parse: (value: unknown) => T | null,
  note: (value: unknown) => string = () => '',
): Type<T, Suffix> {
  return {
    ...type,
    read: (value, path, problems) => {
      const parsed = parse(value);
      if (parsed !== null) return parsed;
      problems.push({ path, text: `expected ${type.expected}, found ${show(value)}${note(value)}` });
      return undefined;
    },
  };
}

/** Tells whether a value is text that the kernel takes (no NUL) and that can be written as UTF-8. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed();
}

/** Text that matches a pattern, which `expected` describes. */
export function text(expected: string, pattern: RegExp): Type<string, ''> {
  return scalar({ suffix: '', expected, schema: { type: 'string', pattern: pattern.source } }, (value) =>
    isText(value) && pattern.test(value) ? value : null,
  );
}

/** One of a few words. `null` is also accepted without quotes, which YAML does not read as a word. */
export function word<const W extends string>(...words: W[]): Type<W, ''> {
  const values: unknown[] = (words as string[]).includes('null') ? [...words, null] : words;
  return scalar(
    { suffix: '', expected: `one of ${words.join(', ')}`, schema: { enum: values }, parsed: { enum: words } },
    (value) => words.find((each) => each === (value === null ? 'null' : value)) ?? null,
  );
}

/** The word `off`; also `false`, which YAML 1.1 reads `off` as. */
export const OFF: Type<'off', ''> = scalar(
  { suffix: '', expected: 'off', schema: { enum: ['off', false] }, parsed: { const: 'off' } },
  (value) => (value === 'off' || value === false ? 'off' : null),
);

export const BOOLEAN: Type<boolean, ''> = scalar(
  { suffix: '', expected: 'true or false', schema: { type: 'boolean' } },
  (value) => (typeof value === 'boolean' ? value : null),
);

/** Only `true`: a choice that is made by naming it. */
export const TRUE: Type<true, ''> = scalar(
  { suffix: '', expected: 'true', schema: { const: true } },
  (value) => (value === true ? value : null),
);

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): Type<number, ''> {
  return {
    ...scalar(
      {
        suffix: '',
        expected: `a whole number from ${min} to ${max}`,
        schema: { type: 'integer', minimum: min, maximum: max },
      },
      (value) =>
        typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : null,
    ),
    fromText: (text) => (PATTERNS.count.test(text) ? Number(text) : text),
  };
}

/** A list whose items are of one type. */
export function listOf<T>(item: Type<T, ''>, itemsMax?: number): Type<T[], ''> {
  const atMost = itemsMax === undefined ? '' : `, at most ${itemsMax}`;
  const expected = `a list${atMost}, each item ${item.expected}`;
  return {
    suffix: '',
    expected,
    schema: {
      type: 'array',
      items: item.schema,
      ...(itemsMax !== undefined && { maxItems: itemsMax }),
    },
    ...(item.parsed && { parsed: { type: 'array', items: item.parsed } }),
    read: (value, path, problems) => {
      if (!Array.isArray(value) || value.length > (itemsMax ?? Number.POSITIVE_INFINITY)) {
        problems.push({ path, text: `expected ${expected}, found ${show(value)}` });
        return undefined;
      }
      const before = problems.length;
      const items = value.map((each, i) => item.read(each, below(path, i), problems));
      return problems.length === before ? (items as T[]) : undefined;
    },
  };
}

/** A number above 0, up to `max`. */
export function positive(max: number): Type<number, ''> {
  return scalar(
    {
      suffix: '',
      expected: `a number above 0, at most ${max}`,
      schema: { type: 'number', exclusiveMinimum: 0, maximum: max },
    },
    (value) => (typeof value === 'number' && value > 0 && value <= max ? value : null),
  );
}

/** The name of a signal, with or without SIG. */
export const SIGNAL: Type<string, ''> = scalar(
  {
    suffix: '',
    expected: `one of ${STOP_SIGNALS.join(', ')}`,
    schema: { enum: STOP_SIGNALS.flatMap((name) => [name, name.slice(3)]) },
    parsed: { enum: STOP_SIGNALS },
  },
  (value) => STOP_SIGNALS.find((name) => name === value || name.slice(3) === value) ?? null,
);

/** Returns the schema of a mapping with one key. */
export function onlyKey(key: string, schema: JsonSchema): JsonSchema {
  return { type: 'object', properties: { [key]: schema }, required: [key] };
}

/** Returns the schema of what a type parses its values to. */
export function parsedSchema({ parsed, schema }: Type): JsonSchema {
  return parsed ?? schema;
}

/** Tells whether a value is a mapping, as opposed to a list or a scalar. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
