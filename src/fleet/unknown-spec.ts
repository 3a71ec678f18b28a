import { parseSpec } from '../specification/parse.ts';
import type { Spec } from '../specification/spec.ts';

/** Stands in for the spec of a fleet of which only agents are left: the fleet is held, so nothing starts from it. */
export function unknownSpec(name: string): Spec {
  return parseSpec({ name, command: ['/nonexistent'] });
}
