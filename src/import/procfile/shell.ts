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
const BUILTIN = /^(cd|source|\.|export|exec|set|ulimit|umask|trap|eval|if|for|while|case|until)\s/;
const ASSIGNMENT = /^([A-Za-z_]\w*)=("[^"$`\\]*"|'[^']*'|[^\s"'$`\\|&;<>(){}*?[\]~#]*)\s+/;
/** Everything that leaves more than one command in a line. */
const COMPOUND = /[|&;()`\n]/;

/**
 * Translates a command line, which is for a shell. One that needs none becomes plain words; another one runs in `sh -c`,
 * with `exec` before its last command where that leaves no shell behind.
 * @throws WordsProblem for a quote that is not closed
 */
export function shellCommand(text: string): ShellCommand {
  const env: Record<string, string> = {};
  let rest = text.trim();
  for (let found = ASSIGNMENT.exec(rest); found !== null; found = ASSIGNMENT.exec(rest)) {
    env[found[1]!] = found[2]!.replace(/^(["'])(.*)\1$/, '$2');
    rest = rest.slice(found[0].length);
  }
  const filled = rest.split(PORT).join(hole('port'));
  const usesPort = filled !== rest;
  // A quote that is not closed is an error of the file, whoever would read it.
  const words = shellWords(filled);
  if (!SHELL_SYNTAX.test(filled) && !BUILTIN.test(`${filled} `))
    return { words, env, usesPort, keepsShell: false };
  const { script, keepsShell } = withExec(filled);
  return { words: ['sh', '-c', script], env, usesPort, keepsShell };
}

/** Puts `exec` before the last command of a chain of `&&`, unless a pipe, a list or a keyword needs the shell to stay. */
function withExec(script: string): { script: string; keepsShell: boolean } {
  const parts = script.split(/\s*&&\s*/);
  const last = parts.pop()!;
  if (/^exec\s/.test(last)) return { script, keepsShell: false };
  const isSimple = !COMPOUND.test(last) && !BUILTIN.test(`${last} `) && !/['"]/.test(parts.join(''));
  if (!isSimple || parts.some((part) => COMPOUND.test(part))) return { script, keepsShell: true };
  const assigned = /^[A-Za-z_]\w*=/.test(last) ? `env ${last}` : last;
  return { script: [...parts, `exec ${assigned}`].join(' && '), keepsShell: false };
}
