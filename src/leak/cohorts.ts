import type { Readings } from './types.ts';

/** The minimum share of the fleet for a cohort to be judged by itself. */
const COHORT_SHARE = 0.02;

/** The releases by index; null for those with too few agents to be a cohort. */
export function cohortsOf({ release, releases }: Readings): (string | null)[] {
  const counts = new Uint32Array(releases.length);
  for (const index of release) counts[index]!++;
  return releases.map((name, i) => (counts[i]! > release.length * COHORT_SHARE ? name : null));
}

/** The release of all growing agents, if at least half of its agents grow and there are other releases; else null. */
export function cohortOf(growing: number[], { slots, release, releases }: Readings): string | null {
  const grow = new Set(growing);
  const counts = releases.map(() => ({ all: 0, growing: 0 }));
  for (let i = 0; i < slots.length; i++) {
    const count = counts[release[i]!]!;
    count.all++;
    if (grow.has(slots[i]!)) count.growing++;
  }
  const index = counts.findIndex((count) => count.growing > 0 && count.growing >= count.all / 2);
  const others = counts.some((count, i) => i !== index && count.all > 0);
  return index >= 0 && others && counts[index]!.growing === growing.length ? releases[index]! : null;
}
