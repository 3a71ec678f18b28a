import { FLEET } from '../specification/fields.ts';
import { type Fields, type Group, type Sparse, sparse } from '../specification/group.ts';
import { show } from '../specification/problems.ts';
import type { Share } from '../specification/spec.ts';
import { integer, isMapping, scalar, type Type } from '../specification/types.ts';

/** The type of what a type of the specification reads. */
export type ReadBy<T> = T extends Type<infer R> ? R : never;

/** A spec as in a spec file. It is passed on unread: parseSpec reads it, and refuses it as SPEC_INVALID. */
export const SPEC_DOCUMENT: Type<unknown, ''> = {
  suffix: '',
  expected: 'a spec',
  schema: { title: 'Spec', ...FLEET.schema },
  read: (value) => value,
};

/** Names the type of a body for the OpenAPI document. */
export function requestOf<T>(title: string, type: Group<T>): Group<T> {
  return { ...type, schema: { title, ...type.schema } };
}

/** The type of a mapping in which exactly one of the keys must be present, next to any of `options`. */
export function exactlyOne<const F extends Fields, const O extends Fields = Record<never, never>>(
  fields: F,
  options?: O,
): Group<Sparse<F & O>> {
  const type = sparse({ ...fields, ...options }) as Group<Sparse<F & O>>;
  const keys = Object.keys(fields);
  return {
    ...type,
    schema: { ...type.schema, oneOf: keys.map((key) => ({ required: [key] })) },
    read: (value, path, problems) => {
      const before = problems.length;
      const read = type.read(value, path, problems);
      if (problems.length > before || !isMapping(value)) return read;
      const written = keys.filter((key) => value[key] !== undefined);
      if (written.length === 1) return read;
      const found = written.length === 0 ? 'none' : written.join(' and ');
      problems.push({ path, text: `expected exactly one of ${keys.join(', ')}, found ${found}` });
      return undefined;
    },
  };
}

/** A number of agents or a share of the fleet in a request. */
function share(from: 'above 0' | 'from 0 on'): Type<Share, ''> {
  const least = from === 'above 0' ? 1 : 0;
  return exactlyOne({
    count: { type: integer(least, Number.MAX_SAFE_INTEGER), help: 'How many agents.' },
    percent: { type: percent(from), help: 'A share of the fleet.' },
  }) as Type<Share, ''>;
}

function percent(from: 'above 0' | 'from 0 on'): Type<number, ''> {
  const isAbove = from === 'above 0';
  return scalar(
    {
      suffix: '',
      expected: `a number ${isAbove ? 'above 0, at most 100' : 'from 0 to 100'}`,
      schema: { type: 'number', [isAbove ? 'exclusiveMinimum' : 'minimum']: 0, maximum: 100 },
    },
    (value) =>
      typeof value === 'number' && value <= 100 && (isAbove ? value > 0 : value >= 0) ? value : null,
  );
}

export const SHARE_ABOVE_0 = share('above 0');
export const SHARE_FROM_0 = share('from 0 on');

/** The type that also takes null. It is for scalars: a problem names only what was expected. */
export function orNull<T>(type: Type<T, ''>): Type<T | null, ''> {
  const expected = `${type.expected}, or null`;
  return {
    ...type,
    expected,
    schema: { anyOf: [type.schema, { type: 'null' }] },
    read: (value, path, problems) => {
      const read = value === null ? null : type.read(value, path, []);
      if (read === undefined) problems.push({ path, text: `expected ${expected}, found ${show(value)}` });
      return read;
    },
  };
}
