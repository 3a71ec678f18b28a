import { FleetError } from '../errors/fleet-error.ts';
import type { Problem } from '../specification/problems.ts';
import type { Spec } from '../specification/spec.ts';
import { describePlace, placeOf, type Source } from './spec-source.ts';

/** A spec that was checked, and where it is written. */
export interface Checked {
  spec: Spec;
  source: Source;
}

/** A problem of a spec, and where that is written. */
export interface PlacedProblem extends Problem {
  source: Source;
}

/** The spec of a source, checked. @throws FleetError SPEC_INVALID with every problem */
export async function checked(source: Source): Promise<Spec> {
  const { parseSpec } = await import('../specification/parse.ts');
  return parseSpec(source.document);
}

/** The specs of several sources, checked. @throws FleetError SPEC_INVALID with every problem, and where it is */
export async function checkedAll(sources: readonly Source[]): Promise<Checked[]> {
  const [only, second] = sources;
  if (only && second === undefined) return [{ spec: await checked(only), source: only }];
  const { specs, problems } = await examined(sources);
  if (problems.length === 0) return specs;
  const { describeProblems } = await import('../specification/problems.ts');
  const placed = problems.map(({ source, ...problem }) => ({
    path: placeOf(source, problem.path),
    text: describeProblem(problem),
  }));
  throw new FleetError('SPEC_INVALID', describeProblems(placed, ''));
}

/** The specs of sources, checked, and the problems of all. Two specs of one fleet are a problem of the second. */
export async function examined(
  sources: readonly Source[],
): Promise<{ specs: Checked[]; problems: PlacedProblem[] }> {
  const { readSpec } = await import('../specification/parse.ts');
  const specs: Checked[] = [];
  const problems: PlacedProblem[] = [];
  for (const source of sources) {
    const own: Problem[] = [];
    const spec = readSpec(source.document, own);
    problems.push(...own.map((problem) => ({ ...problem, source })));
    const twin = spec && specs.find((other) => other.spec.name === spec.name);
    if (twin) {
      const text = `${describePlace(source)} and ${describePlace(twin.source)} both describe fleet ${spec.name}`;
      problems.push({ path: 'name', text, source });
    } else if (spec) specs.push({ spec, source });
  }
  return { specs, problems };
}

/** A problem in one line: the key, and what is wrong with it. */
export function describeProblem({ path, text }: Problem): string {
  return path === '' ? text : `${path}: ${text}`;
}
