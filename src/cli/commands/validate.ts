import { FleetError } from '../../errors/fleet-error.ts';
import { ERRORS } from '../../errors/table.ts';
import { portConflicts } from '../../specification/conflicts.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../format.ts';
import { print, printJson, printMessage } from '../output.ts';
import { oneLine } from '../plain.ts';
import { describeProblem, examined } from '../spec-check.ts';
import { describePlace, filesNamed, LOCAL_FILE, type Source, sourcesIn } from '../spec-source.ts';

/** A problem of a file; `document` and `line` are null where the file cannot be read that far. */
interface FileProblem {
  file: string;
  path: string;
  message: string;
  document: number | null;
  line: number | null;
}

/** fleetctl validate: checks specs, for CI. It asks neither a supervisor nor this host. */
export async function run({ options, json }: Context): Promise<number> {
  const files = filesNamed(options.file ?? [LOCAL_FILE]);
  const { sources, problems } = await read(files);
  const { specs, problems: found } = await examined(sources);
  problems.push(...found.map(({ source, path, text }) => problemIn(source, path, text)));
  for (const { at, path, text } of portConflicts(specs.map(({ spec }) => spec))) {
    const { source } = specs[at.later]!;
    problems.push(problemIn(source, path, `${text} (${describePlace(specs[at.earlier]!.source)})`));
  }
  if (json) printJson({ valid: problems.length === 0, problems });
  else report(problems, sources.length, files.length);
  return problems.length === 0 ? 0 : ERRORS.SPEC_INVALID.exitCode;
}

/** Reads all files. What is wrong with one does not hide what is wrong with the others. */
async function read(files: readonly string[]): Promise<{ sources: Source[]; problems: FileProblem[] }> {
  const sources: Source[] = [];
  const problems: FileProblem[] = [];
  for (const file of files) {
    try {
      sources.push(...(await sourcesIn(file)));
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      problems.push({ file, path: '', message: error.message, document: null, line: lineIn(error, file) });
    }
  }
  return { sources, problems };
}

/** The line that a refusal of the text of a file names: `web.yaml:7:3: …`. */
function lineIn({ message }: FleetError, file: string): number | null {
  const [, line] = message.startsWith(file) ? (/^:(\d+):/.exec(message.slice(file.length)) ?? []) : [];
  return line === undefined ? null : Number(line);
}

function problemIn({ place }: Source, path: string, text: string): FileProblem {
  const { file, number, lineOf } = place!;
  return { file, path, message: text, document: number ?? 1, line: lineOf(path) };
}

function report(problems: readonly FileProblem[], specs: number, files: number): void {
  for (const { file, line, path, message } of problems) {
    const text = describeProblem({ path, text: message });
    // Where the text cannot be read, the message begins with the place.
    print(
      oneLine(
        path === '' && message.startsWith(file)
          ? message
          : `${file}${line === null ? '' : `:${line}`}: ${text}`,
      ),
    );
  }
  const counts = `${plural(specs, 'spec')} in ${plural(files, 'file')}`;
  if (problems.length > 0) printMessage(`${counts}: ${plural(problems.length, 'problem')}`);
  else
    printMessage(
      `${counts}: valid. Whether files, users and free ports are there, spawn --dry-run says on the host.`,
    );
}

function plural(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}
