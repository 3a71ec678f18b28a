import { hole } from '../holes.ts';
import { shellWords } from '../words.ts';

/** What a command line of a Procfile becomes. */
export interface ShellCommand {
  words: string[];
  /** Variables that are assigned before the command. */
  env: Record<string, string>;
  /** Whether it refers to the port that it is given. */
  usesPort: boolean;
  /** Whether a shell stays beside what it runs, so that signals must go to all processes. */
  keepsShell: boolean;
}

const PORT = /\$(?:PORT\b|\{PORT\})/;
/** What only a shell understands. */
const SHELL_SYNTAX = /[$`|&;<>(){}*?[\]~#!\n]/;
const BUILTIN = /^(cd|source|\.|export|set|ulimit|umask|trap|eval|if|for|while|case|until)\s/;
const PLAIN_ASSIGNMENT = /^([A-Za-z_]\w*)=("[^"$`\\]*"|'[^']*'|[^\s"'$`\\|&;<>(){}*?[\]~#]*)\s+/;
const ASSIGNMENT = /^([A-Za-z_]\w*)=(?:"[^"]*"|'[^']*'|[^\s"'|&;<>()`])*\s+/;
/** Everything that leaves more than one command in a line. */
const COMPOUND = /[|&;()`\n]/;

/**
 * Translates a command line, which is for a shell. One that needs none becomes plain words; another one runs in `sh -c`,
 * with `exec` before its last command where that leaves no shell behind.
 * @throws WordsProblem for a quote that is not closed
 */
export function shellCommand(text: string): ShellCommand {
  const env: Record<string, string> = {};
  let rest = `${text.trim()} `;
  for (let found = PLAIN_ASSIGNMENT.exec(rest); found !== null; found = PLAIN_ASSIGNMENT.exec(rest)) {
    env[found[1]!] = found[2]!.replace(/^(["'])(.*)\1$/s, '$2');
    rest = rest.slice(found[0].length);
  }
  const filled = rest
    .split(PORT)
    .join(hole('port'))
    .replace(/^exec\s+/, '')
    .trim();
  // A quote that is not closed is an error of the file, whoever would read it.
  const words = shellWords(filled);
  const usesPort = PORT.test(rest);
  if (!SHELL_SYNTAX.test(unquoted(filled)) && !BUILTIN.test(`${filled} `) && !ASSIGNMENT.test(filled)) {
    return { words, env, usesPort, keepsShell: false };
  }
  const { script, keepsShell } = withExec(filled);
  return { words: ['sh', '-c', script], env, usesPort, keepsShell };
}

/** Puts `exec` before the last command of a chain of `&&`, unless a pipe, a list or a keyword needs the shell to stay. */
function withExec(script: string): { script: string; keepsShell: boolean } {
  const parts = chainOf(script);
  const last = parts.pop()!;
  const isSimple = !COMPOUND.test(unquoted(last)) && !BUILTIN.test(`${last} `);
  if (!isSimple || parts.some((part) => COMPOUND.test(unquoted(part)))) return { script, keepsShell: true };
  return { script: [...parts, ...withAssignments(last)].join(' && '), keepsShell: false };
}

/** A command with `exec` before it. Its own assignments are exported first: for an exec, not every shell does that. */
function withAssignments(command: string): string[] {
  const parts: string[] = [];
  let rest = command.replace(/^exec\s+/, '');
  for (let found = ASSIGNMENT.exec(rest); found !== null; found = ASSIGNMENT.exec(rest)) {
    parts.push(found[0].trim(), `export ${found[1]}`);
    rest = rest.slice(found[0].length);
  }
  return [...parts, `exec ${rest}`];
}

/** The parts of a chain of `&&`; those in quotes join nothing. */
function chainOf(script: string): string[] {
  const bare = unquoted(script);
  const parts: string[] = [];
  let from = 0;
  for (const { 0: found, index } of bare.matchAll(/\s*&&\s*/g)) {
    parts.push(script.slice(from, index));
    from = index + found.length;
  }
  return [...parts, script.slice(from)];
}

/** A script with its quoted text blanked out, except what a shell expands between double quotes. Its length stays. */
function unquoted(script: string): string {
  return script.replace(/\\.|'[^']*'|"(?:\\.|[^"\\])*"/gs, (quoted) => {
    return quoted.startsWith('"') ? quoted.replace(/[^$`]/g, 'x') : 'x'.repeat(quoted.length);
  });
}
