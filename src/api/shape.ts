import type { JsonSchema } from '../specification/types.ts';

/** Any part of a document. */
export interface AnyShape {
  readonly schema: JsonSchema;
  readonly isOptional?: true;
}

/**
 * The declaration of a document or of a part of one: a JSON Schema and the TypeScript type that goes with it. Shapes
 * declare what the supervisor answers, so they only describe; the types of src/specification declare what it is sent, and
 * read it.
 */
export interface Shape<T> extends AnyShape {
  /** Never present. It makes Shape invariant: a schema cannot declare more or less than its type. */
  readonly of?: (value: T) => T;
}

/** The shape of a key that may be absent. */
export interface OptionalShape<T> extends Shape<T> {
  readonly isOptional: true;
}

/** The type of the documents of a shape. */
export type Of<S> = S extends Shape<infer T> ? T : never;

export type Shapes = Readonly<Record<string, AnyShape>>;

type Optional = { readonly isOptional: true };

/** The type of a record with these shapes. */
export type RecordOf<F extends Shapes> = {
  -readonly [K in keyof F as F[K] extends Optional ? never : K]: Of<F[K]>;
} & { -readonly [K in keyof F as F[K] extends Optional ? K : never]?: Of<F[K]> } extends infer R
  ? { [K in keyof R]: R[K] }
  : never;

/** One shape per key of a type, forced complete by the type checker. */
export type ShapesOf<T> = {
  readonly [K in keyof T]-?: Pick<Partial<T>, K> extends Pick<T, K>
    ? OptionalShape<Exclude<T[K], undefined>>
    : Shape<T[K]>;
};

// ── scalars; `help` is a sentence for what the name of the key does not say ──

export const text = (help?: string): Shape<string> => ({ schema: explained({ type: 'string' }, help) });

export const integer = (help?: string): Shape<number> => ({ schema: explained({ type: 'integer' }, help) });

export const number = (help?: string): Shape<number> => ({ schema: explained({ type: 'number' }, help) });

export const flag = (help?: string): Shape<boolean> => ({ schema: explained({ type: 'boolean' }, help) });

/** A point in time: ISO 8601, in UTC. */
export const time = (help?: string): Shape<string> => ({
  schema: explained({ type: 'string', format: 'date-time' }, help),
});

/** One of a few words. */
export const words = <const W extends string>(values: readonly W[], help?: string): Shape<W> => ({
  schema: explained({ enum: values }, help),
});

/** A value that only its TypeScript type describes in full. */
export const opaque = <T>(schema: JsonSchema, help?: string): Shape<T> => ({
  schema: explained(schema, help),
});

// ── combinations ──

export const nullable = <T>({ schema }: Shape<T>, help?: string): Shape<T | null> => {
  const { description, ...inner } = schema;
  const said = help ?? (schema.title === undefined ? (description as string | undefined) : undefined);
  if (typeof inner.type === 'string' && schema.title === undefined) {
    return { schema: explained({ ...inner, type: [inner.type, 'null'] }, said) };
  }
  return { schema: explained({ anyOf: [schema.title === undefined ? inner : schema, NULL] }, said) };
};

const NULL = { type: 'null' } as const;

export const list = <T>({ schema }: Shape<T>, help?: string): Shape<T[]> => ({
  schema: explained({ type: 'array', items: schema }, help),
});

/** A key that may be absent. */
export const optional = <T>({ schema }: Shape<T>): OptionalShape<T> => ({ schema, isOptional: true });

/** One of several shapes. */
export const anyOf = <const S extends readonly AnyShape[]>(...shapes: S): Shape<Of<S[number]>> => ({
  schema: { anyOf: shapes.map(({ schema }) => schema) },
});

/** A document of two shapes at once. */
export const both = <A, B>(a: Shape<A>, b: Shape<B>): Shape<A & B> => ({
  schema: { allOf: [a.schema, b.schema] },
});

/** A mapping with known keys; its type follows from the shapes. */
export const record = <const F extends Shapes>(fields: F, help?: string): Shape<RecordOf<F>> => ({
  schema: explained(recordSchema(fields), help),
});

/** A record with a name in the OpenAPI document and in the reference. */
export const named = <const F extends Shapes>(
  title: string,
  fields: F,
  help?: string,
): Shape<RecordOf<F>> => ({ schema: { title, ...record(fields, help).schema } });

/** The document of a domain type: it has exactly the keys of the type. */
export const documentOf = <T>(title: string, fields: ShapesOf<T>, help?: string): Shape<T> => ({
  schema: { title, ...explained(recordSchema(fields), help) },
});

/** Names a shape. */
export const titled = <T>(title: string, { schema }: Shape<T>): Shape<T> => ({
  schema: { title, ...schema },
});

/** Describes the meaning of a shape in one place. */
export const meaning = <T>({ schema }: Shape<T>, help: string): Shape<T> => ({
  schema: explained(schema.title === undefined ? schema : { allOf: [schema] }, help),
});

function recordSchema(fields: Shapes): JsonSchema {
  const entries = Object.entries(fields);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([key, { schema }]) => [key, schema])),
    required: entries.filter(([, { isOptional }]) => !isOptional).map(([key]) => key),
  };
}

function explained(schema: JsonSchema, help: string | undefined): JsonSchema {
  return help === undefined ? schema : { ...schema, description: help };
}
