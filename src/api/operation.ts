import type { ErrorCode } from '../errors/table.ts';
import type { Group } from '../specification/group.ts';
import type { JsonSchema, Type } from '../specification/types.ts';
import type { PARAMETERS } from './parameters.ts';
import type { Shape } from './shape.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/**
 * What an operation needs permission for. `read` changes nothing and shows no secret, so that a read-only socket may
 * answer it; `secret` changes nothing, but shows what only the user of the supervisor may see; `change` changes state.
 */
export type Access = 'read' | 'secret' | 'change';

/** The answer of an operation: one JSON document, lines of JSON, or bytes. */
export type Answer =
  | { readonly as: 'json'; readonly shape: { readonly schema: JsonSchema } }
  | { readonly as: 'lines'; readonly shape: { readonly schema: JsonSchema } }
  | { readonly as: 'bytes'; readonly mediaType: string; readonly help: string };

/** One method and path of the API, with its inputs, answer and errors. */
export interface Operation {
  readonly method: Method;
  /** With parameters in braces, which `PARAMETERS` declares: `/v1/fleets/{fleet}/kill`. */
  readonly path: `/${string}`;
  /** What it does, as an imperative without a period: `Lower the target`. */
  readonly summary: string;
  /** What else a caller needs to know. */
  readonly help?: string;
  readonly access: Access;
  readonly query?: Group<object>;
  readonly body?: Type<object>;
  readonly answer: Answer;
  /** The codes of its errors, in addition to COMMON_ERRORS. */
  readonly errors: readonly ErrorCode[];
}

export type Operations = Readonly<Record<string, Operation>>;

/** The errors of every operation: an invalid request, an exhausted host, a defect. */
export const COMMON_ERRORS = ['REQUEST_INVALID', 'LIMIT_REACHED', 'INTERNAL'] as const satisfies ErrorCode[];

/** Answers with one JSON document. */
export const json = <T>(shape: Shape<T>) => ({ as: 'json', shape }) as const;

/** Answers with lines of JSON, each sent as soon as it is there. */
export const lines = <T>(shape: Shape<T>) => ({ as: 'lines', shape }) as const;

/** Answers with bytes of a media type. */
export const bytes = (mediaType: string, help: string) => ({ as: 'bytes', mediaType, help }) as const;

// ── types that follow from a declaration ──

/** The names of the parameters in a path. */
type NamesIn<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

/** The values of the parameters in the path of an operation. */
export type PathOf<O extends Operation> = {
  [K in NamesIn<O['path']> & keyof typeof PARAMETERS]: (typeof PARAMETERS)[K]['type'] extends Type<infer T>
    ? T
    : never;
};

export type QueryOf<O extends Operation> = O extends { query: Group<infer Q> } ? Q : object;

export type BodyOf<O extends Operation> = O extends { body: Type<infer B> } ? B : undefined;

/** The document that an operation answers with, or that each line holds; never for bytes. */
export type DocumentOf<O extends Operation> = O['answer'] extends { shape: Shape<infer T> } ? T : never;

/** Returns the names of the parameters in a path. */
export function parametersIn(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
}
