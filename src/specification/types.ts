import { type Problem, show } from './problems.ts';
import { PATTERNS } from './units.ts';

export type JsonSchema = { readonly [keyword: string]: unknown };

/** What may be written as the value of a key. T is what it is in a parsed spec; the suffix names its unit there. */
export interface Type<T = unknown, Suffix extends string = string> {
  /** What is added to the key in the parsed spec: `delay` becomes `delayMs`. */
  readonly suffix: Suffix;
  /** What an error says was expected. */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** Gives what `value` means, or undefined once the reasons why it means nothing are among the problems. */
  readonly read: (value: unknown, path: string, problems: Problem[]) => T | undefined;
  /** Gives the value that the text after a command line flag stands for; absent where it is the text itself. */
  readonly fromText?: (text: string) => unknown;
}

/** Signals that end a daemon, or that daemons take as a wish to end. */
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

/** A type without parts. `parse` gives null for what it does not take; `note` may say more about that. */
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

/** Tells whether a value is text that can be handed to the kernel and be written as UTF-8. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed();
}

/** Text that matches a pattern, which `expected` puts in words. */
export function text(expected: string, pattern: RegExp): Type<string, ''> {
  return scalar({ suffix: '', expected, schema: { type: 'string', pattern: pattern.source } }, (value) =>
    isText(value) && pattern.test(value) ? value : null,
  );
}

/** One of a few words. `null` may also be written without quotes, as YAML then does not read it as a word. */
export function word<const W extends string>(...words: W[]): Type<W, ''> {
  const values: unknown[] = (words as string[]).includes('null') ? [...words, null] : words;
  return scalar(
    { suffix: '', expected: `one of ${words.join(', ')}`, schema: { enum: values } },
    (value) => words.find((each) => each === (value === null ? 'null' : value)) ?? null,
  );
}

/** The word `off`; YAML 1.1 and people who write JSON make `false` of it. */
export const OFF: Type<'off', ''> = scalar(
  { suffix: '', expected: 'off', schema: { enum: ['off', false] } },
  (value) => (value === 'off' || value === false ? 'off' : null),
);

export const BOOLEAN: Type<boolean, ''> = scalar(
  { suffix: '', expected: 'true or false', schema: { type: 'boolean' } },
  (value) => (typeof value === 'boolean' ? value : null),
);

/** Something that can only be chosen, not denied. */
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

/** A signal by its name, with or without SIG. */
export const SIGNAL: Type<string, ''> = scalar(
  {
    suffix: '',
    expected: `one of ${STOP_SIGNALS.join(', ')}`,
    schema: { enum: STOP_SIGNALS.flatMap((name) => [name, name.slice(3)]) },
  },
  (value) => STOP_SIGNALS.find((name) => name === value || name.slice(3) === value) ?? null,
);

/** Tells whether a value is a mapping, as opposed to a list or a scalar. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
