import type { ErrorDocument } from '../errors/fleet-error.ts';
import { FleetError } from '../errors/fleet-error.ts';
import { plainJson, withoutControls } from './plain.ts';

/** Prints a result on stdout. It may hold colours, so the caller must make text of agents safe first. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints progress, a note or a message on stderr. */
export function printMessage(text: string): void {
  errorStream().write(`${withoutControls(text)}\n`);
}

/** Prints one JSON document as a line of stdout. */
export function printJson(document: unknown): void {
  process.stdout.write(`${plainJson(document)}\n`);
}

/** Any failure as an error document; one that is no FleetError becomes INTERNAL. */
export function documentOf(error: unknown): ErrorDocument {
  if (error instanceof FleetError) return error.toDocument();
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new FleetError('INTERNAL', message).toDocument();
}

/** Reports a failure: as JSON on stdout, or as text on stderr. */
export function reportError(error: ErrorDocument, json: boolean): void {
  if (json) printJson({ error });
  else printError(error);
}

/** Prints what happened and what to do, as two lines on stderr. */
export function printError(error: { code: string; message: string; hint: string }): void {
  printMessage(`${error.code}: ${error.message}`);
  if (error.hint !== '') printMessage(`  ${error.hint}`);
}

const SIGPIPE_EXIT_CODE = 128 + 13;
let hasErrorStream = false;

/** Gives process.stderr. Node makes that stream at its first use, which takes 2 ms, so nothing else touches it. */
export function errorStream(): NodeJS.WriteStream {
  if (!hasErrorStream) process.stderr.on('error', () => process.exit(SIGPIPE_EXIT_CODE));
  hasErrorStream = true;
  return process.stderr;
}

/** Whether all output is written: a pipe that is full for a moment takes the rest later. */
export function isAllWritten(): boolean {
  return process.stdout.writableLength + (hasErrorStream ? process.stderr.writableLength : 0) === 0;
}

/**
 * Exits quietly when the reader of the output has gone (`| head`), as SIGPIPE would do. Node ignores that signal and
 * prints a stack trace instead.
 */
export function surviveClosedPipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(SIGPIPE_EXIT_CODE);
    printError(
      new FleetError('INTERNAL', `cannot write the output: ${error.message}`, { hint: '' }).toDocument(),
    );
    process.exit(1);
  });
}
