import { ERRORS, type ErrorEntry, EXIT_CODES } from '../errors/table.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# Errors and exit codes

Every error says what, where and why, and what to do. With \`--json\` it is a document with \`code\`, \`message\`, \`hint\`,
\`exitCode\` and \`retryable\`. \`bin/generate\` makes this page from the table of errors; edit that instead.

## Exit codes
`;

/** Returns the text of docs/reference/errors.md. */
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
    '## Errors\n\nThe hint is the default; an error may give a more specific one.\n',
    table(['error', 'meaning', 'exit code', 'retryable', 'hint'], errors),
    '## Frequent messages\n\nNames in braces stand for values. A message without a hint of its own has the hint of its error.\n',
    table(['error', 'message', 'hint'], messages),
  ].join('\n');
}
