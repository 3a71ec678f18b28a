import { ERRORS, type ErrorCode } from '../errors/table.ts';
import type { Field, Fields } from '../specification/group.ts';
import { isMapping, type JsonSchema } from '../specification/types.ts';
import { httpStatusOf, REFUSAL } from './error.ts';
import { COMMON_ERRORS, type Operation, parametersIn } from './operation.ts';
import { OPERATIONS } from './operations.ts';
import { PARAMETERS } from './parameters.ts';

const DESCRIPTION =
  'HTTP with JSON over the Unix socket fleetd.sock, which only the user of the supervisor can open. ' +
  'A request that is refused gets an error that says what is wrong, where, why, and what to do.';

/** Named schemas, by name. */
type Components = Record<string, JsonSchema>;

/** Returns the OpenAPI 3.1 document of the API, derived from the table of operations. @param version of fleetd */
export function openapiDocument(version: string): object {
  const components: Components = {};
  const byPath = Map.groupBy(Object.entries(OPERATIONS), ([, { path }]) => path);
  const paths = [...byPath].map(([path, entries]) => [path, pathItem(path, entries, components)]);
  return {
    openapi: '3.1.0',
    info: { title: 'fleetd', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: 'http://localhost', description: 'Over the socket; the host name is ignored.' }],
    paths: Object.fromEntries(paths),
    components: { schemas: components },
  };
}

/** Describes one path: its parameters, which all methods share, and one operation per method. */
function pathItem(path: string, entries: readonly [string, Operation][], components: Components): object {
  const fields: Fields = PARAMETERS;
  const parameters = parametersIn(path).map((name) => parameter(name, 'path', fields[name]!));
  const methods = entries.map(([name, operation]) => [
    operation.method.toLowerCase(),
    describeOperation(name, operation, components),
  ]);
  return { ...(parameters.length > 0 && { parameters }), ...Object.fromEntries(methods) };
}

function parameter(
  name: string,
  place: 'path' | 'query',
  { type, help, otherwise, required }: Field,
): object {
  // Only documents have named schemas; they travel as JSON.
  const isJson = type.schema.title !== undefined;
  return {
    name,
    in: place,
    required: required === true,
    description: otherwise === undefined ? help : `${help} Default: ${otherwise}.`,
    ...(isJson ? { content: { 'application/json': { schema: type.schema } } } : { schema: type.schema }),
  };
}

function describeOperation(name: string, operation: Operation, components: Components): object {
  const { summary, help, access, query, body } = operation;
  return hoist(
    {
      operationId: name,
      summary,
      ...(help !== undefined && { description: help }),
      'x-access': access,
      ...(query && {
        parameters: Object.entries(query.fields).map(([key, field]) => parameter(key, 'query', field)),
      }),
      ...(body && {
        requestBody: {
          required: Array.isArray(body.schema.required),
          content: { 'application/json': { schema: body.schema } },
        },
      }),
      responses: { 200: success(operation), ...refusals(operation) },
    },
    components,
  );
}

function success({ answer }: Operation): object {
  switch (answer.as) {
    case 'json':
      return { description: 'Done.', content: { 'application/json': { schema: answer.shape.schema } } };
    case 'lines':
      return {
        description: 'Lines of JSON; each line is a document of this schema.',
        content: { 'application/x-ndjson': { schema: answer.shape.schema } },
      };
    case 'bytes':
      return { description: answer.help, content: { [answer.mediaType]: {} } };
  }
}

/** Describes the refusals of an operation: one response per HTTP status, with its errors. */
function refusals({ errors }: Operation): Record<string, object> {
  const byStatus = Object.groupBy([...errors, ...COMMON_ERRORS], httpStatusOf);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes]) => [
      status,
      {
        description: codes!.map(describeError).join('\n'),
        content: { 'application/json': { schema: REFUSAL.schema } },
      },
    ]),
  );
}

function describeError(code: ErrorCode): string {
  return `- FLEET_${code}: ${ERRORS[code].when}`;
}

/** Returns the value with references instead of named schemas, and moves the schemas to the components. */
function hoist(value: object, components: Components): object {
  const entries = Object.entries(value).map(([key, inner]) => [key, hoisted(inner, components)]);
  const { title, allOf, ...rest } = Object.fromEntries(entries) as JsonSchema;
  if (typeof title === 'string') {
    components[title] = { ...rest, ...(allOf !== undefined && { allOf }) };
    return { $ref: `#/components/schemas/${title}` };
  }
  // A description around a single schema may stand next to the reference.
  if (Array.isArray(allOf) && allOf.length === 1) return { ...rest, ...allOf[0] };
  return Object.fromEntries(entries);
}

function hoisted(value: unknown, components: Components): unknown {
  if (Array.isArray(value)) return value.map((item) => hoisted(item, components));
  return isMapping(value) ? hoist(value, components) : value;
}
