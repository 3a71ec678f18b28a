import { portOf } from './paths.ts';
import type { Spec } from './spec.ts';

/** Two specs that cannot run next to each other. */
export interface Conflict {
  /** The indices of the two. */
  at: { earlier: number; later: number };
  /** The key of the later one. */
  path: string;
  text: string;
}

/**
 * Finds specs whose ports overlap, if their slots are numbered from 0 to their targets. One without a target, or with
 * target 0, claims none.
 */
export function portConflicts(specs: readonly Spec[]): Conflict[] {
  const ranges = specs.flatMap((spec, at) => {
    const { ports, target } = spec;
    if (ports === null || !target) return [];
    return [{ at, spec, ports, first: portOf(ports, 0)!, last: portOf(ports, target)! - 1 }];
  });
  return ranges.flatMap((later, i) =>
    ranges
      .slice(0, i)
      .filter(
        ({ first, last, ports }) =>
          first <= later.last &&
          later.first <= last &&
          (ports.protocol === null ||
            later.ports.protocol === null ||
            ports.protocol === later.ports.protocol),
      )
      .map((earlier) => ({
        at: { earlier: earlier.at, later: later.at },
        path: 'ports.base',
        text: `ports ${later.first}-${later.last} overlap with ${earlier.first}-${earlier.last} of fleet ${earlier.spec.name}`,
      })),
  );
}
