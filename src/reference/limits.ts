import { ENVIRONMENT_CHECKS, LIMITS, type LimitEntry } from '../doctor/table.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# The doctor’s limits

What \`fleetctl doctor\` asks, in its order. For each it says what the agents need and what the host has, where that is
set, and the exact fix. This page is made from the doctor's table by \`bin/generate\`; correct it there.

## What a host has only so much of

\`spawn\` asks these too, and refuses what surely cannot work (exit 5); the lowest of them is \`agentsMax\` in \`status\`.
`;

/** Gives the text of docs/reference/limits.md. */
export function limitsPage(): string {
  return [
    INTRODUCTION,
    limitTable(LIMITS),
    '## What else may be in the way\n',
    limitTable(ENVIRONMENT_CHECKS),
  ].join('\n');
}

function limitTable(entries: readonly LimitEntry[]): string {
  return table(
    ['limit', 'what is asked'],
    entries.map(({ limits, asks }) => [limits.map(code).join(', '), asks]),
  );
}
