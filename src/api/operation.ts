import type { ErrorCode } from '../errors.ts';
import type { Group } from '../specification/group.ts';
import type { JsonSchema, Type } from '../specification/types.ts';
import type { PARAMETERS } from './parameters.ts';
import type { Shape } from './shape.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/**
 * What an operation is allowed to whom: `read` changes nothing and shows nothing that is secret; `secret` changes
 * nothing, but shows what only the supervisor's user may see; `change` changes something.
 */
export type Access = 'read' | 'secret' | 'change';

/** What an operation answers with: one JSON document, a line of JSON for each document, or bytes. */
export type Answer =
  | { readonly as: 'json'; readonly shape: { readonly schema: JsonSchema } }
  | { readonly as: 'lines'; readonly shape: { readonly schema: JsonSchema } }
  | { readonly as: 'bytes'; readonly mediaType: string; readonly help: string };

/** One method and path of the API, with all that goes in and comes out. */
export interface Operation {
  readonly method: Method;
  /** Parameters are in braces: `/v1/fleets/{fleet}/kill`; `PARAMETERS` says what each of them takes. */
  readonly path: `/${string}`;
  /** What it does, in a few words: `Lower the target`. */
  readonly summary: string;
  /** What else a caller has to know. */
  readonly help?: string;
  readonly access: Access;
  readonly query?: Group<object>;
  readonly body?: Type<object>;
  readonly answer: Answer;
  /** Codes of errors that it may give, beside those that every operation may. */
  readonly errors: readonly ErrorCode[];
}

export type Operations = Readonly<Record<string, Operation>>;

/** Errors that every operation may give: a request that makes no sense, a defect, a host that is out of something. */
export const COMMON_ERRORS = ['REQUEST_INVALID', 'LIMIT_REACHED', 'INTERNAL'] as const satisfies ErrorCode[];

/** Answers with one JSON document. */
export const json = <T>(shape: Shape<T>) => ({ as: 'json', shape }) as const;

/** Answers with documents as lines of JSON, each as it comes. */
export const lines = <T>(shape: Shape<T>) => ({ as: 'lines', shape }) as const;

/** Answers with bytes of a media type. */
export const bytes = (mediaType: string, help: string) => ({ as: 'bytes', mediaType, help }) as const;

// ── what the type checker derives of a declaration ──

/** The names of the parameters in a path. */
type NamesIn<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

/** What the parameters in the path of an operation stand for. */
export type PathOf<O extends Operation> = {
  [K in NamesIn<O['path']> & keyof typeof PARAMETERS]: (typeof PARAMETERS)[K]['type'] extends Type<infer T>
    ? T
    : never;
};

export type QueryOf<O extends Operation> = O extends { query: Group<infer Q> } ? Q : object;

export type BodyOf<O extends Operation> = O extends { body: Type<infer B> } ? B : undefined;

/** The document that an operation answers with, or each of its lines; never where it answers with bytes. */
export type DocumentOf<O extends Operation> = O['answer'] extends { shape: Shape<infer T> } ? T : never;

/** The names of the parameters in a path, at run time. */
export function parametersIn(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
}
