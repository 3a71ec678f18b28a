import { expect, test } from 'vitest';
import { type Operation, parametersIn } from '../../src/api/operation.ts';
import { OPERATIONS, type OperationName } from '../../src/api/operations.ts';
import { PARAMETERS } from '../../src/api/parameters.ts';
import { boundedApi } from '../../src/daemon/api/bounds.ts';
import { type Handlers, serveOperations } from '../../src/daemon/api/routes.ts';
import { checkerOf, openapi, operationOf } from './schemas.ts';

const document = openapi();
const operations = Object.entries(OPERATIONS) as [OperationName, Operation][];
const text = JSON.stringify(document);

/** Every route of an API, as `GET /v1/status`; fastify answers HEAD wherever it answers GET. */
function routesServed(): string[] {
  const app = boundedApi({} as never, {} as never, 1);
  serveOperations(app, {} as Handlers, null);
  const lines = app.printRoutes({ commonPrefix: false }).split('\n').filter(Boolean);
  let path: string[] = [];
  return lines.flatMap((line) => {
    const [, indent, name, methods = ''] = /^([\s│├└─]*)(\S*)(?: \((.*)\))?$/.exec(line)!;
    path = [...path.slice(0, indent!.length / 4 - 1), name!];
    const served = methods.split(', ').filter((method) => method !== '' && method !== 'HEAD');
    return served.map((method) => `${method} ${path.join('')}`);
  });
}

test('every route is described, and everything that is described is a route', () => {
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => key !== 'parameters')
      .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  );
  expect(routesServed().sort()).toEqual(described.sort());
  expect(described).toHaveLength(operations.length);
});

test('it is OpenAPI 3.1: what the specification demands is there', () => {
  expect(document.openapi).toMatch(/^3\.1\.\d+$/);
  expect(document.info).toMatchObject({ title: 'fleetd', version: '1.2.3' });
  const ids = operations.map(([name]) => operationOf(document, name).operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [name] of operations) {
    const { summary, responses, parameters = [], requestBody } = operationOf(document, name);
    expect(summary).toMatch(/^[A-Z].*[^.]$/);
    expect(Object.keys(responses).every((status) => /^[1-5]\d\d$/.test(status))).toBe(true);
    for (const { description, content } of Object.values(responses)) {
      expect(description).not.toBe('');
      expect(Object.keys(content).every((type) => /^\w+\/[\w.+-]+$/.test(type))).toBe(true);
    }
    // A parameter has a schema, or one media type with a schema; never both.
    for (const { schema, content, ...parameter } of parameters) {
      expect([schema, content].filter(Boolean)).toHaveLength(1);
      expect(parameter).toMatchObject({
        in: 'query',
        name: expect.any(String),
        required: expect.any(Boolean),
      });
    }
    if (requestBody) expect(Object.keys(requestBody.content)).toEqual(['application/json']);
  }
});

test('parameters of a path are described where they stand, and no others', () => {
  for (const [path, { parameters = [] }] of Object.entries(document.paths)) {
    expect(parameters.map(({ name }) => name)).toEqual(parametersIn(path));
    for (const parameter of parameters) expect(parameter).toMatchObject({ in: 'path', required: true });
    expect(parametersIn(path).every((name) => Object.hasOwn(PARAMETERS, name))).toBe(true);
  }
});

test('every reference leads to a schema, every schema is referred to, and each compiles', () => {
  const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
  expect(new Set(references)).toEqual(new Set(Object.keys(document.components.schemas)));
  const check = checkerOf(document);
  for (const schema of Object.values(document.components.schemas)) check(schema);
  for (const [name] of operations) {
    const { parameters = [], requestBody, responses } = operationOf(document, name);
    const contents = [requestBody, ...Object.values(responses), ...parameters].map(
      (each) => each?.content ?? {},
    );
    const schemas = [...contents.flatMap((content) => Object.values(content)), ...parameters];
    for (const { schema } of schemas) if (schema) check(schema);
  }
});

test('the checker of the tests notices a key that is not described, wherever it is', () => {
  const refusal = { code: 'FLEET_USAGE', message: '', hint: '', exitCode: 2, retryable: false };
  const check = (schema: object, value: unknown) => checkerOf(document, true)(schema)(value);
  const named = (name: string) => ({ $ref: `#/components/schemas/${name}` });
  expect(check(named('Refusal'), { error: refusal })).toBe(true);
  expect(check(named('Refusal'), { error: { ...refusal, more: 1 } })).toBe(false);
  const strays = { type: 'array', items: { allOf: [named('LastExit'), named('StrayResult')] } };
  const exit = { code: 1, signal: null, reason: '', at: '' };
  expect(check(strays, [{ ...exit, result: 'failed', reason: '' }])).toBe(true);
  expect(check(strays, [{ ...exit, result: 'failed', reason: '', more: 1 }])).toBe(false);
});

test('two schemas of one name are the same schema', () => {
  const titled = new Map<string, string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { title } = value as { title?: unknown };
    if (typeof title === 'string') {
      const schema = JSON.stringify(value);
      expect(titled.get(title) ?? schema).toBe(schema);
      titled.set(title, schema);
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const [, { answer, body, query }] of operations) {
    visit('shape' in answer ? answer.shape.schema : null);
    visit(body?.schema);
    visit(query?.schema);
  }
  expect(titled.size).toBe(Object.keys(document.components.schemas).length - 2); // Refusal, and Error in it.
});

test('an operation that only reads is a GET, and one that changes something is none', () => {
  for (const [, { method, access }] of operations) expect(method === 'GET').toBe(access !== 'change');
});
