import { ENVIRONMENT_CHECKS, LIMITS, type LimitEntry } from '../doctor/table.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# The doctor's limits

The checks of \`fleetctl doctor\`, in its order. For each, it states what the agents need and what the host has, where that
is set, and the exact fix. \`bin/generate\` makes this page from the doctor's table; edit that instead.

## Finite resources of the host

\`spawn\` checks these too, and refuses a target that cannot work (exit code 5); the lowest limit is \`agentsMax\` in
\`status\`.
`;

/** Returns the text of docs/reference/limits.md. */
export function limitsPage(): string {
  return [INTRODUCTION, limitTable(LIMITS), '## Other obstacles\n', limitTable(ENVIRONMENT_CHECKS)].join(
    '\n',
  );
}

function limitTable(entries: readonly LimitEntry[]): string {
  return table(
    ['limit', 'check'],
    entries.map(({ limits, asks }) => [limits.map(code).join(', '), asks]),
  );
}
