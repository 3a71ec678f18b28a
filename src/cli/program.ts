import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, Option } from 'commander';
import { packageFile } from '../host/sys/package.ts';
import type { CommandEntry, OptionEntry } from './commands.ts';
import { COMMON_OPTIONS } from './commands.ts';
import { oneOf } from './known.ts';

/** fleetctl without its commands, but with the options of all commands, which may also precede the command's name. */
export function newProgram(): Command {
  const program = new Command('fleetctl')
    .usage('COMMAND [options] [arguments]')
    .description('Runs and watches fleets of like daemons through the supervisor fleetd.')
    .configureHelp({ showGlobalOptions: true })
    .helpOption('-h, --help', 'Show this help.')
    .helpCommand('help [command]', 'show the help for a command')
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  for (const entry of COMMON_OPTIONS) program.addOption(optionFrom(entry));
  // Commander's own version() would need the version, and so a file, at every start.
  return program.option('--version', 'Print the version.').on('option:version', () => {
    process.stdout.write(`${packageVersion()}\n`);
    throw new CommanderError(0, 'commander.version', '');
  });
}

/** Adds a command of the table, with these options. */
export function addCommand(program: Command, entry: CommandEntry, options: readonly OptionEntry[]): Command {
  const usage = ['[options]', ...entry.arguments.map(({ notation }) => notation), entry.afterDashes ?? ''];
  const command = program
    .command(entry.name)
    .summary(entry.summary)
    .description(`${entry.summary[0]!.toUpperCase()}${entry.summary.slice(1)}.`)
    .usage(usage.join(' ').trim())
    .addHelpText('after', `\nExamples:\n${entry.examples.map((example) => `  ${example}`).join('\n')}`);
  for (const { notation, help, choices } of entry.arguments) {
    const argument = new Argument(notation, help);
    command.addArgument(choices ? argument.choices(choices).argParser(oneOf(entry.name, choices)) : argument);
  }
  for (const option of options) command.addOption(optionFrom(option));
  return command;
}

function optionFrom({ flags, help, repeat }: OptionEntry): Option {
  const option = new Option(flags, help);
  if (!repeat) return option;
  return option.argParser((value: string, earlier: string[] | undefined) => [...(earlier ?? []), value]);
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
