import { withoutControls } from './plain.ts';

/** The output of an agent that failed as lines for a terminal; none if there is no sample. */
export function sampleLines(sample: string | null | undefined): string[] {
  if (!sample) return [];
  const lines = withoutControls(sample).trimEnd().split('\n');
  return ['', 'Output of an agent that failed:', ...lines.map((line) => `  | ${line}`)];
}
