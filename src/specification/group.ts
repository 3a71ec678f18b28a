import { below, nearest, PROBLEMS_SHOWN_MAX, type Problem, show } from './problems.ts';
import { isMapping, type JsonSchema, parsedSchema, type Type } from './types.ts';

/** A row of the field table. */
export interface Field {
  readonly type: Type;
  /** One line, for --help, the template, the schema and the reference. */
  readonly help: string;
  /** The value of a missing key, in spec notation. An optional key without a default is null. */
  readonly default?: unknown;
  /** A description of the default, where it depends on something else. */
  readonly otherwise?: string;
  readonly required?: true;
  /** The flag of `fleetctl spawn` that sets it, in commander's notation. */
  readonly flag?: string;
  /** The flag may be given several times. */
  readonly repeat?: true;
  /** A value for the template, where there is no default or the default is a poor example. */
  readonly example?: unknown;
  /** The template shows it as a live line, not as a comment. */
  readonly live?: true;
}

export type Fields = Readonly<Record<string, Field>>;

/** A mapping with known keys. */
export interface Group<T, Suffix extends string = ''> extends Type<T, Suffix> {
  readonly fields: Fields;
}

type Value<F extends Field> = F extends { readonly type: Type<infer T> }
  ? F extends { readonly required: true } | { readonly default: unknown }
    ? T
    : T | null
  : never;

/** The type of a mapping with these fields in a parsed spec. */
export type Output<F extends Fields> = {
  [K in keyof F & string as `${K}${F[K]['type']['suffix']}`]: Value<F[K]>;
};

/** The type of a mapping with these fields in which missing keys stay absent. */
export type Sparse<F extends Fields> = {
  -readonly [K in keyof F as F[K] extends Required ? K : never]: TypeOf<F[K]>;
} & { -readonly [K in keyof F as F[K] extends Required ? never : K]?: TypeOf<F[K]> } extends infer S
  ? { [K in keyof S]: S[K] }
  : never;

type Required = { readonly required: true };
type TypeOf<F extends Field> = F['type'] extends Type<infer T> ? T : never;

/**
 * The type of a mapping with these fields. Its `read` returns a value even if some keys have problems; those keys are
 * undefined.
 */
export function group<const F extends Fields>(fields: F): Group<Output<F>> {
  return { ...mapping<Output<F>>(fields, Object.keys(fields)), parsed: groupParsed(fields) };
}

/** The type of a mapping as of `group`, except that missing keys stay absent instead of becoming null. */
export function sparse<const F extends Fields>(fields: F): Group<Sparse<F>> {
  const required = Object.keys(fields).filter((key) => fields[key]!.required);
  return mapping(fields, required);
}

/** @param always the keys that the result has even if they are missing */
function mapping<T>(fields: Fields, always: readonly string[]): Group<T> {
  const expected = `a mapping (${Object.keys(fields).join(', ')})`;
  return {
    suffix: '',
    expected,
    fields,
    schema: groupSchema(fields),
    read: (value, path, problems) => {
      if (!isMapping(value)) {
        problems.push({ path, text: `expected ${expected}, found ${show(value)}` });
        return undefined;
      }
      refuseUnknown(value, fields, path, problems);
      const present = Object.entries(fields).filter(
        ([key]) => always.includes(key) || (Object.hasOwn(value, key) && value[key] !== undefined),
      );
      const entries = present.map(([key, field]) => [
        key + field.type.suffix,
        readField(field, Object.hasOwn(value, key) ? value[key] : undefined, below(path, key), problems),
      ]);
      return Object.fromEntries(entries) as T;
    },
  };
}

/** The type of a mapping in which at most one of `kinds` may be present, next to any of `options`. */
export function oneOf<const K extends Fields, const O extends Fields>(
  kinds: K,
  options: O,
): Group<Output<K & O>> {
  const type = group<K & O>({ ...kinds, ...options });
  const names = Object.keys(kinds);
  const one = names.map((kind) => ({ required: [kind] }));
  return {
    ...type,
    schema: { ...type.schema, oneOf: [...one, { not: { anyOf: one } }] },
    read: (value, path, problems) => {
      const written = isMapping(value) ? names.filter((kind) => Object.hasOwn(value, kind)) : [];
      if (written.length > 1) {
        const text = `expected at most one of ${names.join(', ')}, found ${written.join(' and ')}`;
        problems.push({ path, text });
      }
      return type.read(value, path, problems);
    },
  };
}

/** The type of a mapping in which exactly one of the keys is present. */
export function exactlyOne<const F extends Fields>(fields: F): Group<Output<F>> {
  const type = group(fields);
  const keys = Object.keys(fields);
  return {
    ...type,
    schema: { ...type.schema, oneOf: keys.map((key) => ({ required: [key] })) },
    read: (value, path, problems) => {
      const written = isMapping(value) ? keys.filter((key) => Object.hasOwn(value, key)) : [];
      const read = type.read(value, path, problems);
      if (!isMapping(value) || written.length === 1) return read;
      const found = written.length === 0 ? 'none' : written.join(' and ');
      problems.push({ path, text: `expected exactly one of ${keys.join(', ')}, found ${found}` });
      return undefined;
    },
  };
}

/** The type of a value that may be a mapping or a scalar. */
export function either<P, G>(plain: Type<P, ''>, mapping: Group<G>): Group<P | G> {
  return {
    ...mapping,
    expected: `${plain.expected}, or ${mapping.expected}`,
    schema: { anyOf: [plain.schema, mapping.schema] },
    parsed: { anyOf: [parsedSchema(plain), parsedSchema(mapping)] },
    read: (value, path, problems) => {
      if (isMapping(value)) return mapping.read(value, path, problems);
      const parsed = plain.read(value, path, []);
      if (parsed !== undefined) return parsed;
      problems.push({
        path,
        text: `expected ${plain.expected}, or ${mapping.expected}, found ${show(value)}`,
      });
      return undefined;
    },
  };
}

/** The type that reads the same values and converts them with `shape`. @param parsed the schema of the result */
export function shaped<T, U>(type: Group<T>, parsed: JsonSchema, shape: (value: T) => U): Group<U> {
  return {
    ...type,
    parsed,
    read: (value, path, problems) => {
      const before = problems.length;
      const read = type.read(value, path, problems);
      return read === undefined || problems.length > before ? undefined : shape(read);
    },
  };
}

/** Returns the fields of a mapping type; null for any other type. */
export function fieldsOf(type: Type): Fields | null {
  return 'fields' in type ? (type as Group<unknown>).fields : null;
}

/** Yields every field of a table with its path, each mapping before its own fields. */
export function* walk(fields: Fields, path = ''): Generator<{ path: string; field: Field }> {
  for (const [key, field] of Object.entries(fields)) {
    const here = { path: below(path, key), field };
    yield here;
    yield* walk(fieldsOf(field.type) ?? {}, here.path);
  }
}

function readField(field: Field, written: unknown, path: string, problems: Problem[]): unknown {
  const value = written === undefined ? field.default : written;
  if (value !== undefined) return field.type.read(value, path, problems);
  if (!field.required) return null;
  problems.push({ path, text: `expected ${field.type.expected}, found nothing; the key is required` });
  return undefined;
}

function refuseUnknown(value: object, fields: Fields, path: string, problems: Problem[]): void {
  const known = Object.keys(fields);
  const unknown = Object.keys(value).filter((key) => !Object.hasOwn(fields, key));
  for (const key of unknown.slice(0, PROBLEMS_SHOWN_MAX + 1)) {
    const meant = nearest(key, known);
    const question = meant === null ? '' : `; did you mean ${below(path, meant)}?`;
    problems.push({
      path: below(path, key),
      text: `unknown key${question} (expected ${known.length === 0 ? 'none' : `one of ${known.join(', ')}`})`,
    });
  }
}

function groupSchema(fields: Fields): JsonSchema {
  const properties = Object.entries(fields).map(([key, field]) => [key, fieldSchema(field)]);
  const required = Object.keys(fields).filter((key) => fields[key]!.required);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

/** A parsed mapping has all its keys, with their suffixes; optional ones without a default are null if they are missing. */
function groupParsed(fields: Fields): JsonSchema {
  const properties = Object.entries(fields).map(([key, { type, help, required, default: value }]) => {
    const schema = parsedSchema(type);
    const isNever = required || value !== undefined;
    return [
      key + type.suffix,
      { description: help, ...(isNever ? schema : { anyOf: [schema, { type: 'null' }] }) },
    ];
  });
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: properties.map(([key]) => key),
  };
}

function fieldSchema({ type, help, default: value }: Field): JsonSchema {
  // A named schema is the same everywhere; its meaning in this place is stated around it.
  const { schema } = type;
  // The keys of a mapping have defaults of their own.
  return {
    description: help,
    ...(schema.title === undefined ? schema : { allOf: [schema] }),
    ...(value !== undefined && fieldsOf(type) === null && { default: value }),
  };
}
