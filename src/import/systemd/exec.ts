import type { Directive } from '../draft.ts';
import { templates } from '../holes.ts';
import { refusal } from '../problem.ts';
import { baseName, signalName } from '../values.ts';
import { shellQuote, WordsProblem } from '../words.ts';
import type { Service } from './service.ts';
import { expandSpecifiers } from './specifiers.ts';
import type { UnitDirective } from './unit.ts';
import { unitWords } from './words.ts';

/** A command of an Exec…= directive. */
export interface Command {
  directive: UnitDirective;
  words: string[];
  /** With `-`: a failure counts as success. */
  isLenient: boolean;
  /** Without `:`, `$VARIABLE` and `${VARIABLE}` are filled in. */
  hasVariables: boolean;
}

const PREFIXES: Readonly<Record<string, string>> = {
  '@': 'the second word would be argv[0]; it is left out, and argv[0] is the path',
  '+': 'a command never has more privileges than the agent',
  '!': 'a command never has more privileges than the agent',
  '|': 'no shell of a user is started',
};
const VARIABLE = /\$\$|\$\{([A-Za-z_]\w*)\}/g;
const LONE_VARIABLE = /^\$([A-Za-z_]\w*)$/;

/** The commands of some directives: several stand in several lines, or are separated by a lone `;`. */
export function commandsOf(directives: readonly UnitDirective[], service: Service): Command[] {
  return directives.flatMap((directive) => {
    const commands: Command[] = [];
    let words: string[] = [];
    for (const word of [...wordsOf(directive, service), ';']) {
      if (word !== ';') words.push(word);
      else if (words.length > 0) {
        commands.push(withoutPrefix(directive, words, service));
        words = [];
      }
    }
    return commands;
  });
}

/** The words of a directive, its specifiers filled in. @throws FleetError IMPORT_INVALID for a quote that is not closed */
export function wordsOf(directive: Directive, service: Service): string[] {
  try {
    return unitWords(expandSpecifiers(directive, service));
  } catch (error) {
    if (!(error instanceof WordsProblem)) throw error;
    throw refusal(directive, `${directive.name}: ${error.message}`);
  }
}

function withoutPrefix(directive: UnitDirective, words: string[], { draft }: Service): Command {
  const [, prefix, path] = /^([-@:+!|]*)(.*)$/s.exec(words[0]!) as unknown as [string, string, string];
  for (const [each, reason] of Object.entries(PREFIXES)) {
    if (prefix.includes(each)) draft.lack(directive, `prefix ${each}: ${reason}`);
  }
  if (path === '') throw refusal(directive, `${directive.name} names no program`);
  const rest = words.slice(prefix.includes('@') ? 2 : 1);
  return {
    directive,
    words: [path, ...rest],
    isLenient: prefix.includes('-'),
    hasVariables: !prefix.includes(':'),
  };
}

/** A command as argv. Where it has variables whose value only its start knows, a shell fills them in. */
export function argvOf(command: Command, known: ReadonlyMap<string, string>): string[] {
  const filled = filledIn(command, known);
  return templates(
    needsShell(filled) ? ['sh', '-c', `exec ${shellText(filled)}`] : filled.words.map(unescaped),
  );
}

/** Several commands as one: each runs if the one before it succeeded, or was allowed to fail. */
export function argvOfAll(commands: readonly Command[], known: ReadonlyMap<string, string>): string[] {
  const [only] = commands;
  if (commands.length === 1 && !only!.isLenient) return argvOf(only!, known);
  const parts = commands.map((command) => {
    const text = shellText(filledIn(command, known));
    return command.isLenient ? `{ ${text} || true; }` : text;
  });
  return templates(['sh', '-c', parts.join(' && ')]);
}

/** The signal of a command that only sends one to the main process; null for another command. */
export function signalOf({ words: [file, ...rest] }: Command): string | null {
  if (baseName(file!) !== 'kill' || !/^\$(MAINPID|\{MAINPID\})$/.test(rest.at(-1) ?? '')) return null;
  const option = rest.slice(0, -1).join(' ');
  if (option === '') return 'SIGTERM';
  return signalName(option.replace(/^(-s |--signal[= ]|-n |-)/, ''));
}

/** Variables with a known value replaced; a variable on its own becomes as many words as its value has. */
function filledIn({ words, hasVariables }: Command, known: ReadonlyMap<string, string>): Filled {
  if (!hasVariables) return { words: words.map((word) => word.replaceAll('$', '$$$$')) };
  return {
    words: words.flatMap((word) => {
      const value = known.get(LONE_VARIABLE.exec(word)?.[1] ?? '');
      if (value !== undefined)
        return value
          .split(/\s+/)
          .filter((part) => part !== '')
          .map(escaped);
      return word.replace(VARIABLE, (whole, name?: string) => {
        const inner = name === undefined ? undefined : known.get(name);
        return inner === undefined ? whole : escaped(inner);
      });
    }),
  };
}

/** Words in which `$$` is a dollar, and every other variable is still open. */
interface Filled {
  words: string[];
}

const escaped = (text: string): string => text.replaceAll('$', '$$$$');
const unescaped = (word: string): string => word.replaceAll('$$', '$');

function needsShell({ words }: Filled): boolean {
  return words.some((word) => LONE_VARIABLE.test(word) || /\$\{[A-Za-z_]/.test(word.replaceAll('$$', '')));
}

function shellText({ words }: Filled): string {
  return words
    .map((word) => {
      // On its own it becomes as many words as its value has, as systemd has it.
      if (LONE_VARIABLE.test(word)) return word;
      const parts: string[] = [];
      let end = 0;
      for (const { 0: found, 1: name, index } of word.matchAll(VARIABLE)) {
        if (name === undefined) continue;
        if (index > end) parts.push(shellQuote(unescaped(word.slice(end, index))));
        parts.push(`"$${name}"`);
        end = index + found.length;
      }
      const rest = unescaped(word.slice(end));
      return parts.join('') + (rest === '' && parts.length > 0 ? '' : shellQuote(rest));
    })
    .join(' ');
}
