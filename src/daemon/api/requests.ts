import { type Operation, parametersIn } from '../../api/operation.ts';
import { PARAMETERS } from '../../api/parameters.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { type Fields, type Group, sparse } from '../../specification/group.ts';
import { describeProblems, type Problem } from '../../specification/problems.ts';
import type { Type } from '../../specification/types.ts';

/** A request before it is checked. */
export interface RawRequest {
  params: unknown;
  query: unknown;
  body: unknown;
}

/** A request as its operation declares it. */
export interface ReadRequest {
  path: object;
  query: object;
  body: object | undefined;
}

/**
 * Returns a function that reads the requests of an operation by its declaration, and throws FleetError REQUEST_INVALID
 * with every problem and its field. The body of an operation without one is ignored.
 */
export function requestReader(operation: Operation): (request: RawRequest) => ReadRequest {
  const path = sparse(pathFields(operation));
  const query = operation.query ?? sparse({});
  return (raw) => {
    const problems: Problem[] = [];
    const read = {
      path: readTexts(path, raw.params, problems),
      query: readTexts(query, raw.query, problems),
      body: operation.body && readBody(operation.body, raw.body, problems),
    };
    if (problems.length > 0) throw refusal(operation, problems);
    return read as ReadRequest;
  };
}

function pathFields({ path }: Operation): Fields {
  const all: Fields = PARAMETERS;
  return Object.fromEntries(parametersIn(path).map((name) => [name, all[name]!]));
}

/** Reads the parameters of a path or a query, which arrive as text. */
function readTexts(type: Group<object>, texts: unknown, problems: Problem[]): object | undefined {
  const values = Object.entries(texts as Record<string, string>).map(([name, written]) => {
    const fromText = Object.hasOwn(type.fields, name) ? type.fields[name]!.type.fromText : undefined;
    return [name, fromText ? fromText(written) : written];
  });
  return type.read(Object.fromEntries(values), '', problems);
}

/** A missing body counts as an empty one. */
function readBody(type: Type<object>, body: unknown, problems: Problem[]): object | undefined {
  return type.read(body ?? {}, '', problems);
}

function refusal({ method, path }: Operation, problems: readonly Problem[]): FleetError {
  return new FleetError('REQUEST_INVALID', describeProblems(problems, 'the body'), {
    hint: `GET /v1/openapi.json describes ${method} ${path}; fleetctl and fleetd may have different versions.`,
  });
}
