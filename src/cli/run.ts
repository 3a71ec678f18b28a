import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { FleetError } from '../errors/fleet-error.ts';
import { directories } from '../host/state/directories.ts';
import { clientOf } from './client.ts';
import type { CommandEntry } from './commands.ts';
import { COMMANDS, type CommandName } from './commands.ts';
import type { Context, Options } from './context.ts';
import { refuseUnknownCommand } from './known.ts';
import { LOADERS } from './loaders.ts';
import { documentOf, reportError, surviveClosedPipes } from './output.ts';
import { addCommand, newProgram } from './program.ts';

/** Runs one command line and returns its exit code. Every failure is reported here, in one format. */
export async function run(argv: string[]): Promise<number> {
  surviveClosedPipes();
  const { head, command } = splitAtDashes(argv);
  const json = head.includes('--json');
  try {
    return await parseAndRun(head, command);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const document = documentOf(error instanceof CommanderError ? usageError(error) : error);
    // Without a command, commander has already printed the help on stderr.
    if (json || (error as CommanderError).code !== 'commander.help') reportError(document, json);
    return document.exitCode;
  }
}

/** Commander would mix the words after `--` with the arguments before it. */
function splitAtDashes(argv: string[]): { head: string[]; command: string[] | null } {
  const at = argv.indexOf('--');
  return at === -1 ? { head: argv, command: null } : { head: argv.slice(0, at), command: argv.slice(at + 1) };
}

async function parseAndRun(head: string[], command: string[] | null): Promise<number> {
  let exitCode = 0;
  refuseUnknownCommand(head);
  const program = newProgram();
  for (const entry of commandsIn(head)) {
    // Only if this may be the command: the module with more options takes time to load.
    const more = head.includes(entry.name) ? await entry.moreOptions?.() : undefined;
    const parsed = addCommand(program, entry, [...entry.options, ...(more ?? [])]);
    parsed.action(async () => {
      exitCode = await runEntry(entry, parsed, command);
    });
  }
  await program.parseAsync(head, { from: 'user' });
  return exitCode;
}

/** The command that the first word names; all of them if it names none, because another word or the help may need any. */
function commandsIn([first]: string[]): readonly (CommandEntry & { name: CommandName })[] {
  const named = COMMANDS.filter(({ name }) => name === first);
  return named.length > 0 ? named : COMMANDS;
}

async function runEntry(
  entry: CommandEntry & { name: CommandName },
  parsed: Command,
  command: string[] | null,
): Promise<number> {
  if (command !== null && entry.afterDashes === undefined) {
    throw new FleetError('USAGE', `${entry.name} takes no command after --`);
  }
  const { json, fleet, ...options } = parsed.optsWithGlobals<Options & { json?: boolean; fleet?: string }>();
  // The name becomes part of an API path; a name of other characters belongs to no fleet.
  if (fleet !== undefined && !/^[a-z0-9-]+$/.test(fleet)) {
    throw FleetError.of('UNKNOWN.fleet', { fleet });
  }
  const places = directories();
  const { run: runCommand } = await LOADERS[entry.name]();
  const context: Context = {
    args: parsed.args,
    command,
    options,
    json: json === true,
    fleet: fleet ?? null,
    directories: places,
    client: clientOf(join(places.runtimeDir, 'fleetd.sock'), join(places.runtimeDir, 'fleetd-read.sock')),
  };
  return runCommand(context);
}

/** Commander's error in the style of all others: one line, double quotes, no final period. */
function usageError({ code, message }: CommanderError): FleetError {
  if (code === 'commander.help') return new FleetError('USAGE', 'no command was given');
  const text = message
    .replace(/^error: /, '')
    .replace(/\n+/g, ' ')
    .replace(/'([^']*)'/g, '"$1"')
    .replace(/\.$/, '');
  return new FleetError('USAGE', text);
}
