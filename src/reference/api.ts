import { COMMON_ERRORS, type Operation, parametersIn } from '../api/operation.ts';
import { OPERATIONS } from '../api/operations.ts';
import { PARAMETERS } from '../api/parameters.ts';
import { ERRORS, type ErrorCode } from '../errors/table.ts';
import { type Field, type Fields, fieldsOf, walk } from '../specification/group.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# The HTTP API

HTTP with JSON over the Unix socket \`fleetd.sock\` in the runtime directory, which only the user of the supervisor can
open; \`fleetctl\` uses nothing else. \`GET /v1/openapi.json\` returns the OpenAPI 3.1 document with the schema of every
request and answer; \`schema/openapi.json\` is a copy. \`bin/generate\` makes this page from the table of operations:
correct it there.

\`\`\`sh
curl --unix-socket /run/fleetd/fleetd.sock http://localhost/v1/status
curl --unix-socket /run/fleetd/fleetd.sock http://localhost/v1/fleets/pilot/kill --json '{"count":100}'
\`\`\`

The documents of \`status\` and \`ps\` are stable; the rest may change with the version. Unknown fields and parameters
are refused; an error names all problems at once, each with its field. An error is \`{"error": …}\`, a document with
\`code\`, \`message\`, \`hint\`, \`exitCode\` and \`retryable\`. Its status is 400 if the request is wrong, and 409 if
something else prevents it.
`;

const COMMON = `## Errors of every operation\n`;

/** Returns the text of docs/reference/api.md. */
export function apiPage(): string {
  const overview = Object.entries(OPERATIONS).map(([name, { method, path, summary, access }]) => [
    `[${name}](#${name.toLowerCase()})`,
    code(`${method} ${path}`),
    summary,
    access === 'change' ? '' : 'yes',
  ]);
  return [
    INTRODUCTION,
    '## Overview\n',
    table(['operation', 'method and path', 'purpose', 'read-only'], overview),
    COMMON,
    errorTable(COMMON_ERRORS),
    ...Object.entries(OPERATIONS).map(([name, operation]) => section(name, operation)),
  ].join('\n');
}

function section(name: string, operation: Operation): string {
  const { method, path, summary, help, errors } = operation;
  const inputs = inputsOf(operation).map(([place, key, { type, required, otherwise, help: meaning }]) => [
    code(key),
    place,
    fieldsOf(type) === null ? type.expected : 'an object',
    required ? '**required**' : (otherwise ?? ''),
    meaning,
  ]);
  return [
    `## ${name}\n`,
    `${code(`${method} ${path}`)}\n`,
    `${[`${summary}.`, help].filter(Boolean).join(' ')} ${answerText(operation)}\n`,
    ...(inputs.length > 0 ? [table(['name', 'in', 'value', 'default', 'meaning'], inputs)] : []),
    ...(errors.length > 0 ? [errorTable(errors)] : []),
  ].join('\n');
}

type Input = [place: string, name: string, field: Field];

function inputsOf({ path, query, body }: Operation): Input[] {
  const all: Fields = PARAMETERS;
  const fields = body && fieldsOf(body);
  return [
    ...parametersIn(path).map((name): Input => ['path', name, all[name]!]),
    ...Object.entries(query?.fields ?? {}).map(([name, field]): Input => ['query', name, field]),
    ...[...walk(fields ?? {})].map(({ path: name, field }): Input => ['body', name, field]),
  ];
}

/** Describes the answer, by the name of the document if it has one. */
function answerText({ answer }: Operation): string {
  switch (answer.as) {
    case 'json':
      return `Answers with ${documentText(answer.shape.schema)}.`;
    case 'lines':
      return `Answers with lines of JSON, each ${documentText(answer.shape.schema)}.`;
    case 'bytes':
      return `Answers with ${code(answer.mediaType)}: ${answer.help}`;
  }
}

interface Schema {
  title?: string;
  properties?: Readonly<Record<string, unknown>>;
  anyOf?: readonly Schema[];
  allOf?: readonly Schema[];
}

function documentText(schema: Schema): string {
  const { title, properties, anyOf, allOf } = schema;
  if (title !== undefined) return code(title);
  if (anyOf) return anyOf.map(documentText).join(' or ');
  if (allOf) return allOf.map(documentText).join(' and ');
  return properties ? code(`{${Object.keys(properties).join(', ')}}`) : 'a document';
}

function errorTable(codes: readonly ErrorCode[]): string {
  return table(
    ['error', 'when'],
    codes.map((each) => [code(`FLEET_${each}`), ERRORS[each].when]),
  );
}
