import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { openapiDocument } from '../../src/api/openapi.ts';
import { OPERATIONS, type OperationName } from '../../src/api/operations.ts';

/** The OpenAPI document as far as tests look into it. */
export interface OpenApi {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, OpenApiOperation> & { parameters?: Parameter[] }>;
  components: { schemas: Record<string, object> };
}

export interface OpenApiOperation {
  operationId: string;
  summary: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content: Record<string, { schema?: object }> }>;
}

export interface Parameter {
  name: string;
  in: string;
  required: boolean;
  description: string;
  schema?: object;
  content?: Record<string, { schema: object }>;
}

/** The document as a client gets it: what JSON cannot carry is not in it. */
export function openapi(): OpenApi {
  return JSON.parse(JSON.stringify(openapiDocument('1.2.3'))) as OpenApi;
}

/** The description of one operation. */
export function operationOf(document: OpenApi, name: OperationName): OpenApiOperation {
  const { path, method } = OPERATIONS[name];
  return document.paths[path]![method.toLowerCase()]!;
}

const DOCUMENT_ID = 'https://fleetd.test/openapi.json';

/**
 * Gives what checks values against schemas of a document. `isClosed`: keys that are not described are wrong as well,
 * though a client has to put up with them.
 */
export function checkerOf(document: OpenApi, isClosed = false): (schema: object) => ValidateFunction {
  const ajv = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    strictRequired: false,
    validateFormats: false,
  });
  ajv.addVocabulary(['openapi', 'info', 'servers', 'paths', 'components']);
  const { schemas: open } = document.components;
  const schemas = isClosed
    ? Object.fromEntries(Object.entries(open).map(([name, schema]) => [name, closed(schema, open)]))
    : open;
  ajv.addSchema({ $id: DOCUMENT_ID, components: { schemas } } as object);
  return (schema) => ajv.compile(absolute(isClosed ? closed(schema, open) : schema));
}

/** References of a schema that stands by itself now. */
function absolute<T>(schema: T): T {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', `"${DOCUMENT_ID}#/components`)) as T;
}

type Node = Record<string, unknown>;

/** The same, with no keys but those that are described. What stands in allOf is closed by what is around it. */
function closed<T>(value: T, schemas: Record<string, object>, isPart = false): T {
  if (Array.isArray(value)) return value.map((item) => closed(item as unknown, schemas, isPart)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: unknown };
  if (isPart && typeof $ref === 'string') return closed(schemas[$ref.split('/').at(-1)!] as T, schemas, true);
  const entries = Object.entries(value).map(([key, inner]) => {
    const isInPart = key === 'allOf' || (isPart && key === 'anyOf');
    return [key, closed(inner as unknown, schemas, isInPart)];
  });
  const whole = Object.fromEntries(entries) as Node;
  const isObject = (whole.properties !== undefined && whole.type !== undefined) || whole.allOf !== undefined;
  if (!isObject || isPart) return whole as T;
  return { type: 'object', ...whole, unevaluatedProperties: false } as T;
}
