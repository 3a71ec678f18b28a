import type { ErrorDocument } from '../errors.ts';
import { FleetError } from '../errors.ts';
import { plainJson, withoutControls } from './plain.ts';

/** Result for a person, on stdout; what agents had a hand in must be made safe before, as it may hold colours. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress, notes and messages, on stderr. */
export function say(text: string): void {
  process.stderr.write(`${withoutControls(text)}\n`);
}

/** One JSON document on a line of stdout. */
export function printJson(document: unknown): void {
  process.stdout.write(`${plainJson(document)}\n`);
}

/** Any failure as the document that users know. */
export function documentOf(error: unknown): ErrorDocument {
  if (error instanceof FleetError) return error.toDocument();
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new FleetError('INTERNAL', message).toDocument();
}

/** Tells of a failure in the place where the user looks for it. */
export function reportError(error: ErrorDocument, json: boolean): void {
  if (json) printJson({ error });
  else sayError(error);
}

/** What happened and what to do, in two lines on stderr. */
export function sayError(error: { code: string; message: string; hint: string }): void {
  say(`${error.code}: ${error.message}`);
  if (error.hint !== '') say(`  ${error.hint}`);
}

/**
 * Ends quietly when the reader of our output went away (`| head`), as a process does that gets SIGPIPE; Node
 * ignores that signal and would print a stack trace instead.
 */
export function surviveClosedPipes(): void {
  const sigpipeExitCode = 128 + 13;
  process.stderr.on('error', () => process.exit(sigpipeExitCode));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(sigpipeExitCode);
    sayError(
      new FleetError('INTERNAL', `The output cannot be written: ${error.message}`, { hint: '' }).toDocument(),
    );
    process.exit(1);
  });
}
