import { ERRORS, type ErrorEntry, EXIT_CODES } from '../errors/table.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# Errors and exit codes

Every error says what, where and why, and what to do. With \`--json\` it is a document with \`code\`, \`message\`, \`hint\`,
\`exitCode\` and \`retryable\`. This page is made from the table of errors by \`bin/generate\`; correct it there.

## Exit codes
`;

/** Gives the text of docs/reference/errors.md. */
export function errorsPage(): string {
  const exitCodes = Object.entries(EXIT_CODES).map(([exitCode, meaning]) => [exitCode, meaning]);
  const errors = Object.entries(ERRORS).map(([name, { when, exitCode, retryable, hint }]) => [
    code(`FLEET_${name}`),
    when,
    String(exitCode),
    retryable ? 'yes' : 'no',
    hint,
  ]);
  const messages = Object.entries(ERRORS).flatMap(([name, { messages: all = {} }]: [string, ErrorEntry]) =>
    Object.values(all).map((each) => [
      code(`FLEET_${name}`),
      code(typeof each === 'string' ? each : each.text),
      typeof each === 'string' ? '' : each.hint,
    ]),
  );
  return [
    INTRODUCTION,
    table(['code', 'meaning'], exitCodes),
    '## Errors\n\nThe hint is what is said where nothing closer to the case is known.\n',
    table(['error', 'when', 'exit code', 'worth trying again', 'hint'], errors),
    '## Frequent messages\n\nNames in braces stand for values. Without a hint of its own, a message has that of its error.\n',
    table(['error', 'message', 'hint'], messages),
  ].join('\n');
}
