import { HEALTH } from './groups/lifecycle.ts';
import { parseSpec } from './parse.ts';
import type { Ports, Ready, Spec } from './spec.ts';

/** A spec as an earlier version of fleetd has stored it. */
type Stored = Pick<Spec, 'name' | 'command'> & { [K in keyof Spec]?: unknown };

/** Ports that were written before these keys existed. */
const PORTS_BEFORE: Partial<Ports> = { same: false, names: null };

/**
 * Returns a stored spec with the keys that were added since at their defaults, so that a fleet keeps its meaning when
 * fleetd is upgraded.
 */
export function completeSpec(stored: Stored): Spec {
  const defaults = parseSpec({ name: stored.name, command: ['none'] });
  const keys = Object.keys(defaults) as (keyof Spec)[];
  const complete = Object.fromEntries(keys.map((key) => [key, merged(defaults[key], stored[key])]));
  const { health, ports, ready } = stored;
  return {
    ...(complete as unknown as Spec),
    ready: completeReady(ready as Ready),
    health: health ? { ...HEALTH.read({}, '', [])!, ...(health as object) } : null,
    ports: ports ? { ...PORTS_BEFORE, ...(ports as NonNullable<Spec['ports']>) } : null,
  };
}

/** A mapping that always exists may lack keys; any other value is complete, or absent. */
function merged(otherwise: unknown, stored: unknown): unknown {
  if (stored === undefined) return otherwise;
  const isMapping = typeof otherwise === 'object' && otherwise !== null && !Array.isArray(otherwise);
  return isMapping && stored !== null ? { ...otherwise, ...(stored as object) } : stored;
}

function completeReady(ready: Ready): Ready {
  const timed = { ...ready, everyMs: ready.everyMs ?? null };
  if (timed.kind !== 'http') return timed;
  const { status = [[200, 299]], host = null, headers = {} } = timed as Partial<typeof timed>;
  return { ...timed, status, host, headers };
}
