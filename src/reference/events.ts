import { EVENT_TYPES } from '../fleet/events.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# Events

\`fleetctl events\` shows what happened, with the slots concerned and the reason; \`fleetctl events --json\` prints one line
per event with \`seq\`, \`at\`, \`fleet\`, \`type\`, \`slots\` and \`reason\`. If the same thing happens to many slots at once for
the same reason, it is one event. \`bin/generate\` makes this page from the table of events; edit that instead.
`;

/** Returns the text of docs/reference/events.md. */
export function eventsPage(): string {
  const rows = Object.entries(EVENT_TYPES).map(([type, meaning]) => [code(type), meaning]);
  return [INTRODUCTION, table(['type', 'meaning'], rows)].join('\n');
}
