import { Fleet } from '../../src/fleet/fleet.ts';
import type { ReleaseRecord } from '../../src/fleet/records.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import type { Spec } from '../../src/specification/spec.ts';

/** The date of everything that is decided in these tests. */
export const DATE = new Date(0);

/** The spec of a fleet named f, with some fields of the document given. */
export function specOf(document: object = {}): Spec {
  return parseSpec({ name: 'f', command: ['agent'], ...document });
}

/** A fleet named f without any slot, on release r1. */
export function fleetOf(spec: Spec, now = 0): Fleet {
  const fleet = { name: 'f', spec, baseDir: '/', release: 'r1', hold: null, recreate: false };
  return new Fleet({ fleet, slots: [], releases: [releaseOf('r1', spec)] }, now);
}

/** A release of this id, made from this spec. */
export function releaseOf(id: string, spec: Spec): ReleaseRecord {
  const createdAt = DATE.toISOString();
  return { id, path: '/agent', argv: [], env: {}, secrets: {}, createdAt, spec, baseDir: '/' };
}
