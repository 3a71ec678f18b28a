import { COMMANDS, COMMON_OPTIONS, type CommandEntry } from '../cli/commands.ts';
import { EXIT_CODES } from '../errors/table.ts';
import { FLEET } from '../specification/fields.ts';
import { type Field, walk } from '../specification/group.ts';
import { argumentHelp, HELP_OPTION, ownOptions, synopsis } from './commands.ts';
import { ENVIRONMENT, FILES } from './places.ts';
import { heading, page, paragraph, plain, subheading, terms, verbatim } from './roff.ts';
import { defaultText, placeholderTerms, takesText } from './spec.ts';

/** Returns fleetctl(1). */
export async function fleetctlMan(): Promise<string> {
  const options = [...COMMON_OPTIONS, HELP_OPTION].map(({ flags, help }) => [flags, help] as const);
  return page('fleetctl', 1, [
    name('fleetctl', 'runs and watches fleets of like daemons'),
    heading('SYNOPSIS'),
    verbatim(['fleetctl COMMAND [options] [arguments]']),
    heading('DESCRIPTION'),
    paragraph(
      'fleetctl tells the supervisor fleetd(8) how many agents of a fleet are wanted, and shows their state. If the ' +
        'terminal goes away, the work continues in the supervisor.',
    ),
    heading('OPTIONS OF EVERY COMMAND'),
    terms(options),
    heading('COMMANDS'),
    ...(await Promise.all(COMMANDS.map(command))),
    heading('EXIT STATUS'),
    terms(Object.entries(EXIT_CODES)),
    ...places(),
    heading('SEE ALSO'),
    paragraph('fleetd(8), fleet.yaml(5)'),
  ]);
}

/** Returns fleetd(8). */
export function fleetdMan(): string {
  return page('fleetd', 8, [
    name('fleetd', 'supervises fleets of daemons'),
    heading('SYNOPSIS'),
    verbatim(['fleetd [--help | --version]']),
    heading('DESCRIPTION'),
    paragraph(
      'fleetd makes the processes of this host agree with the targets that fleetctl(1) sets. It runs in the foreground ' +
        'until SIGTERM or SIGINT; its agents keep running without it, and the next fleetd finds each of them again. ' +
        'fleetctl spawn starts one if none runs.',
    ),
    paragraph(
      'As PID 1 of a container it reaps what is orphaned there. SIGTERM, SIGINT, SIGQUIT and SIGPWR then stop all agents ' +
        'first, each as its spec says, and fleetd exits with 0; a second signal, a second or more later, ends everything ' +
        'at once, and the exit code is 128 and its number.',
    ),
    ...places(),
    heading('SEE ALSO'),
    paragraph('fleetctl(1), fleet.yaml(5)'),
  ]);
}

/** Returns fleet.yaml(5). */
export function fleetYamlMan(): string {
  return page('fleet.yaml', 5, [
    name('fleet.yaml', 'the spec of a fleet'),
    heading('DESCRIPTION'),
    paragraph(
      'YAML 1.2, which includes JSON. Unknown keys, wrong types and values out of range are refused. fleetctl init ' +
        'writes a file that explains every key. Durations are 500ms, 3s, 5m, 1h; sizes are 64K, 256M, 1G (powers of 1024); ' +
        'rates are 100M/h; shares are 10%.',
    ),
    heading('KEYS'),
    terms([...walk(FLEET.fields)].map(({ path, field }) => [path, meaningOf(field)] as const)),
    heading('PLACEHOLDERS'),
    paragraph('In command, env, prepare and ready.exec; {{ and }} are literal braces.'),
    terms(placeholderTerms()),
    heading('SEE ALSO'),
    paragraph('fleetctl(1), fleetd(8)'),
  ]);
}

function name(title: string, summary: string): string {
  return `${heading('NAME')}${plain(title)} \\- ${plain(summary)}\n`;
}

async function command(entry: CommandEntry): Promise<string> {
  const args = entry.arguments.map((argument) => [argument.notation, argumentHelp(argument)] as const);
  const options = (await ownOptions(entry)).map(({ flags, help }) => [flags, help] as const);
  const sentence = `${entry.summary[0]!.toUpperCase()}${entry.summary.slice(1)}.`;
  return [
    subheading(synopsis(entry)),
    paragraph(sentence),
    terms([...args, ...options]),
    verbatim(entry.examples),
  ].join('');
}

function places(): string[] {
  return [heading('ENVIRONMENT'), terms(ENVIRONMENT), heading('FILES'), terms(FILES)];
}

/** A key's help, its values and its default, without Markdown. */
function meaningOf(field: Field): string {
  const otherwise = defaultText(field);
  const value = `Value: ${takesText(field)}.`;
  const text = otherwise === '' ? `${field.help} ${value}` : `${field.help} ${value} Default: ${otherwise}.`;
  return text.replace('Default: **required**.', 'Required.').replaceAll('`', '');
}
