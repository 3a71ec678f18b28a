import { FLEET } from './fields.ts';
import type { JsonSchema } from './types.ts';

/** The JSON Schema (draft 2020-12) of a spec, for editors. Only parseSpec checks the conditions between keys. */
export const SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'fleet.yaml',
  description: 'A fleet of like daemons, supervised by fleetd.',
  ...FLEET.schema,
};
