import { FLEET } from './fields.ts';
import type { JsonSchema } from './types.ts';

/** The JSON Schema (draft 2020-12) of a spec, for editors. What has to hold between keys is left to parseSpec. */
export const SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'fleet.yaml',
  description: 'A fleet of like daemons, supervised by fleetd.',
  ...FLEET.schema,
};
