import type { OptionEntry } from './commands.ts';
import { COMMANDS, COMMON_OPTIONS } from './commands.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What a shell completes of a command. */
interface Completable {
  name: string;
  summary: string;
  options: CompletableOption[];
  /** The values of its argument if they are a fixed set. */
  choices: readonly string[];
}

interface CompletableOption {
  long: string;
  short: string | null;
  help: string;
  takesValue: boolean;
  completes: OptionEntry['completes'];
}

/** Lists the names of the fleets when the user presses Tab; prints nothing if no supervisor answers. */
const FLEETS = `fleetctl status --json 2>/dev/null | grep -o '{"name":"[a-z0-9-]*' | cut -d'"' -f4`;

/** The completion script of a shell, made from the table of commands. */
export async function completionScript(shell: Shell): Promise<string> {
  const commands = await Promise.all(COMMANDS.map(completable));
  return { bash, zsh, fish }[shell](commands);
}

async function completable({
  name,
  summary,
  arguments: args,
  options,
  moreOptions,
}: (typeof COMMANDS)[number]): Promise<Completable> {
  const all = [...options, ...((await moreOptions?.()) ?? []), ...COMMON_OPTIONS];
  return {
    name,
    summary,
    options: all.map(completableOption),
    choices: args.flatMap(({ choices }) => choices ?? []),
  };
}

function completableOption({ flags, help, completes }: OptionEntry): CompletableOption {
  const [, short = null, long] = /^(?:(-\w), )?(--[\w-]+)/.exec(flags)!;
  return { long: long!, short, help, takesValue: flags.includes('<'), completes };
}

function bash(commands: Completable[]): string {
  const all = commands.flatMap(({ options }) => options);
  const namesOf = (options: CompletableOption[]): string[] => [
    ...new Set(options.flatMap(({ long, short }) => (short ? [long, short] : [long]))),
  ];
  const cases = commands.map(
    ({ name, options, choices }) =>
      `    ${name}) words="${[...choices, ...namesOf(options), '--help'].join(' ')}" ;;`,
  );
  const valueOnly = all.filter(({ takesValue, completes }) => takesValue && completes === undefined);
  return `# bash completion for fleetctl
_fleetctl() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= word words
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      ${commands.map(({ name }) => name).join('|')}) command=$word; break ;;
    esac
  done
  case $command$previous in
    --fleet|*--fleet) COMPREPLY=($(compgen -W "$(${FLEETS})" -- "$current")); return ;;
    *--file|init-f|spawn-f) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${namesOf(valueOnly)
      .map((name) => `*${name}`)
      .join('|')}) return ;;
  esac
  case $command in
${cases.join('\n')}
    *) words="${[...commands.map(({ name }) => name), ...namesOf(COMMON_OPTIONS.map(completableOption)), '--help', '--version'].join(' ')}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _fleetctl fleetctl
`;
}

function zsh(commands: Completable[]): string {
  // Brackets and colons are syntax of _arguments, and the text stands within single quotes.
  const quoted = (text: string): string => text.replace(/[[\]:]/g, '\\$&').replaceAll("'", `'\\''`);
  const value = ({ takesValue, completes }: CompletableOption): string => {
    if (!takesValue) return '';
    return { file: ':file:_files', fleet: ':fleet:_fleetctl_fleets', none: ':value: ' }[completes ?? 'none'];
  };
  const specs = ({ long, short, help, ...rest }: CompletableOption): string[] =>
    [long, short]
      .filter((name) => name !== null)
      .map((name) => `'${name}[${quoted(help)}]${value({ long, short, help, ...rest })}'`);
  const cases = commands.map(({ name, options, choices }) => {
    const operand = choices.length > 0 ? [`'1:${name}:(${choices.join(' ')})'`] : [];
    return `    ${name}) _arguments ${[...options.flatMap(specs), ...operand].join(' ')} ;;`;
  });
  return `#compdef fleetctl
_fleetctl_fleets() { compadd -- \${(f)"$(${FLEETS})"} }
_fleetctl() {
  local state line
  local -a commands=(${commands.map(({ name, summary }) => `'${name}:${quoted(summary)}'`).join(' ')})
  _arguments -C '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands; return ;;
  esac
  case $line[1] in
${cases.join('\n')}
  esac
}
# This file is either autoloaded on the first Tab or sourced.
if [ "$funcstack[1]" = _fleetctl ]; then _fleetctl; else compdef _fleetctl fleetctl; fi
`;
}

function fish(commands: Completable[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const value = ({ takesValue, completes }: CompletableOption): string => {
    if (!takesValue) return '';
    return { file: ' -r -F', fleet: ` -x -a ${quoted(`(${FLEETS})`)}`, none: ' -x' }[completes ?? 'none'];
  };
  const optionLine = (name: string, option: CompletableOption): string => {
    const short = option.short ? ` -s ${option.short.slice(1)}` : '';
    const when = `-n '__fish_seen_subcommand_from ${name}'`;
    return `complete -c fleetctl ${when}${short} -l ${option.long.slice(2)}${value(option)} -d ${quoted(option.help)}`;
  };
  const lines = commands.flatMap(({ name, summary, options, choices }) => [
    `complete -c fleetctl -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...(choices.length > 0
      ? [`complete -c fleetctl -n '__fish_seen_subcommand_from ${name}' -a ${quoted(choices.join(' '))}`]
      : []),
    ...options.map((option) => optionLine(name, option)),
  ]);
  return `# fish completion for fleetctl\ncomplete -c fleetctl -f\n${lines.join('\n')}\n`;
}
