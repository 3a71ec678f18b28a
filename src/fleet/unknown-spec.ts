import { parseSpec } from '../specification/parse.ts';
import type { Spec } from '../specification/spec.ts';

/** Stands in for the spec of a fleet of which only running agents are left: it is held, so nothing is started from it. */
export function unknownSpec(name: string): Spec {
  return parseSpec({ name, command: ['/nonexistent'] });
}
