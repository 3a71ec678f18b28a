import { FleetError } from '../errors/fleet-error.ts';
import { nearest, show } from '../specification/problems.ts';
import { COMMANDS, COMMON_OPTIONS } from './commands.ts';

const HELP = 'help';

/**
 * Refuses a command line whose command does not exist, wherever its name stands: `nope`, `help nope`, `nope --help`.
 * @param head the words before `--`
 * @throws FleetError USAGE
 */
export function refuseUnknownCommand(head: readonly string[]): void {
  const [first, second] = namesIn(head);
  const name = first === HELP ? second : first;
  const known: string[] = [...COMMANDS.map((command) => command.name), HELP];
  if (name === undefined || known.includes(name)) return;
  throw new FleetError('USAGE', `there is no command ${show(name)}`, {
    hint: hintFor(name, known, 'fleetctl --help lists all commands.'),
  });
}

/** Reads an argument that must be one of a few words. @throws FleetError USAGE */
export function oneOf(command: string, choices: readonly string[]): (word: string) => string {
  return (word) => {
    if (choices.includes(word)) return word;
    throw new FleetError('USAGE', `there is no ${command} ${show(word)}: it takes ${choices.join(', ')}`, {
      hint: hintFor(word, choices, `Run fleetctl ${command} --help.`),
    });
  };
}

/** The words that are neither options nor values of options that may precede a command. */
function namesIn(head: readonly string[]): string[] {
  const withValue = COMMON_OPTIONS.filter(({ flags }) => flags.includes('<')).map(
    ({ flags }) => flags.split(' ')[0]!,
  );
  return head.filter((word, at) => !word.startsWith('-') && !withValue.includes(head[at - 1] ?? ''));
}

function hintFor(word: string, known: readonly string[], otherwise: string): string {
  const similar = nearest(word, known);
  return similar === null ? otherwise : `Did you mean ${similar}? ${otherwise}`;
}
