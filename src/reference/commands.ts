import { COMMANDS, COMMON_OPTIONS, type CommandEntry, type OptionEntry } from '../cli/commands.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# The commands of fleetctl

The help of every command, on one page. \`bin/generate\` makes this page from the table of commands; edit that instead.

Progress and messages go to stderr, results to stdout. If the terminal goes away, the work continues in the supervisor:
Ctrl-C only stops the watching. [Exit codes and errors](errors.md) have a page of their own.
`;

/** Returns the text of docs/reference/commands.md. */
export async function commandsPage(): Promise<string> {
  const sections = await Promise.all(COMMANDS.map(section));
  return [
    INTRODUCTION,
    '## Options of every command\n',
    optionTable([...COMMON_OPTIONS, HELP_OPTION]),
    ...sections,
  ].join('\n');
}

/** The option that commander adds to every command. */
export const HELP_OPTION: OptionEntry = { flags: '-h, --help', help: 'Show this help.' };

/** The usage of a command, without its options: `fleetctl logs <SLOT>`. */
export function synopsis({ name, arguments: args, afterDashes }: CommandEntry): string {
  const parts = ['fleetctl', name, ...args.map(({ notation }) => notation), afterDashes ?? ''];
  return parts.join(' ').trim();
}

/** What an argument means, with its values if they are a fixed set. */
export function argumentHelp({ help, choices }: CommandEntry['arguments'][number]): string {
  return choices === undefined ? help : `${help} One of ${choices.join(', ')}.`;
}

/** The options of a command, without those of every command. */
export async function ownOptions({ options, moreOptions }: CommandEntry): Promise<OptionEntry[]> {
  return [...options, ...((await moreOptions?.()) ?? [])];
}

async function section(entry: CommandEntry): Promise<string> {
  const options = await ownOptions(entry);
  const args = entry.arguments.map((argument) => [code(argument.notation), argumentHelp(argument)]);
  const sentence = `${entry.summary[0]!.toUpperCase()}${entry.summary.slice(1)}.`;
  return [
    `## ${entry.name}\n`,
    `${code(synopsis(entry))}\n`,
    `${sentence}\n`,
    ...(args.length > 0 ? [table(['argument', 'meaning'], args)] : []),
    ...(options.length > 0 ? [optionTable(options)] : []),
    `\`\`\`sh\n${entry.examples.join('\n')}\n\`\`\`\n`,
  ].join('\n');
}

function optionTable(options: readonly OptionEntry[]): string {
  return table(
    ['option', 'meaning'],
    options.map(({ flags, help }) => [code(flags), help]),
  );
}
