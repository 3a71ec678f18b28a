import { portOf } from './paths.ts';
import { formatPlace, placesOf } from './places.ts';
import type { Ports, Spec } from './spec.ts';

/** Two specs that cannot run next to each other. */
export interface Conflict {
  /** The indices of the two. */
  at: { earlier: number; later: number };
  /** The key of the later one. */
  path: string;
  text: string;
}

/** The ports of a fleet, and for how many slots. */
interface Claim {
  at: number;
  spec: Spec;
  ports: Ports;
  first: number;
  last: number;
  target: number;
}

/**
 * Finds specs whose ports overlap, if their slots are numbered from 0 to their targets. One without a target, or with
 * target 0, claims none; those whose slots have addresses share ports, unless they share an address too.
 */
export function portConflicts(specs: readonly Spec[]): Conflict[] {
  const claims = specs.flatMap((spec, at): Claim[] => {
    const { ports, target } = spec;
    if (ports === null || !target) return [];
    const last = portOf(ports, target - 1)! + ports.perAgent - 1;
    return [{ at, spec, ports, first: ports.base, last, target }];
  });
  return claims.flatMap((later, i) =>
    claims.slice(0, i).flatMap((earlier) => {
      if (!mayOverlap(earlier, later)) return [];
      const text = overlapText(earlier, later);
      return text === null
        ? []
        : [{ at: { earlier: earlier.at, later: later.at }, path: 'ports.base', text }];
    }),
  );
}

function mayOverlap(a: Claim, b: Claim): boolean {
  const protocols = [a.ports.protocol, b.ports.protocol];
  return (
    a.first <= b.last && b.first <= a.last && (protocols.includes(null) || protocols[0] === protocols[1])
  );
}

/** Two fleets with addresses overlap only where a slot of each has the same port at the same address. */
function overlapText(earlier: Claim, later: Claim): string | null {
  const { name, addresses } = earlier.spec;
  if (addresses === null || later.spec.addresses === null)
    return `ports ${later.first}-${later.last} overlap with ${earlier.first}-${earlier.last} of fleet ${name}`;
  const theirs = new Set(placesOfAll(earlier));
  const shared = placesOfAll(later).find((place) => theirs.has(place));
  return shared === undefined ? null : `${shared} belongs to a slot of fleet ${name} as well`;
}

function placesOfAll({ spec, target }: Claim): string[] {
  return Array.from({ length: target }, (_, slot) => placesOf(spec, slot).map(formatPlace)).flat();
}
