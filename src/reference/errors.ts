import { ERRORS, EXIT_CODES } from '../errors.ts';
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
  return [
    INTRODUCTION,
    table(['code', 'meaning'], exitCodes),
    '## Errors\n\nThe hint is the default; an error may give a more specific one.\n',
    table(['error', 'meaning', 'exit code', 'retryable', 'hint'], errors),
  ].join('\n');
}
