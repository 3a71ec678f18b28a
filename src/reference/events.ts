import { EVENT_TYPES } from '../fleet/events.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# Events

What \`fleetctl events\` shows, with the slots it happened to and the reason in words; \`fleetctl events --json\` prints a
line each with \`seq\`, \`at\`, \`fleet\`, \`type\`, \`slots\` and \`reason\`. The same thing that happens to many slots at once
for the same reason is one event. This page is made from the table of events by \`bin/generate\`; correct it there.
`;

/** Gives the text of docs/reference/events.md. */
export function eventsPage(): string {
  const rows = Object.entries(EVENT_TYPES).map(([type, meaning]) => [code(type), meaning]);
  return [INTRODUCTION, table(['type', 'meaning'], rows)].join('\n');
}
