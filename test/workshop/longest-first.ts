import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, longest first: those that start no process, then the others. */
const LONGEST = [
  'sim/sim',
  'leak/sim',
  'e2e/ready',
  'e2e/containment',
  'e2e/faults-agents',
  'e2e/rollout',
  'e2e/stuck',
  'e2e/memory',
  'e2e/defects',
  'e2e/faults-store',
  'e2e/leaks',
  'e2e/strays',
];

/** Starts the longest files first: a long one that starts last runs alone at the end, with processors idle beside it. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return rank < 0 ? LONGEST.length : rank;
}
