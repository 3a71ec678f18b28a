import { type Directive, Draft, type Imported, type Unsupported } from '../draft.ts';
import { template, templates } from '../holes.ts';
import type { SourceFile, World } from '../input.ts';
import { linesOf } from '../lines.ts';
import { refusal } from '../problem.ts';
import { absolutePath } from '../values.ts';
import { WordsProblem } from '../words.ts';
import { type ShellCommand, shellCommand } from './shell.ts';

const LINE = /^([A-Za-z0-9_-]+):\s*(.*)$/;
/** foreman gives the first process type port 5000, and each further one a hundred more. */
const PORT_BASE = 5_000;
const PORTS_EACH = 100;
/** More types than this would get ports above 65535. */
const PORTS_TYPES = 600;
const RELEASE = 'it runs once for each deployment; run it before fleetctl rolling-update';

/**
 * Translates a Procfile: one fleet for each process type.
 * @param envFile the absolute path of the .env beside it; null where there is none
 * @throws FleetError IMPORT_INVALID with file and line
 */
export function importProcfile(source: SourceFile, world: World, envFile: string | null): Imported {
  const { file } = source;
  const fleets: Draft[] = [];
  const unsupported: Unsupported[] = [];
  const taken = new Set<string>();
  for (const { line, content: raw } of linesOf(source)) {
    if (raw.trim() === '' || raw.trimStart().startsWith('#')) continue;
    const [, name, value] = LINE.exec(raw.trim()) ?? [];
    if (name === undefined) throw refusal({ file, line }, `expected NAME: COMMAND, found "${raw.trim()}"`);
    if (value === '') throw refusal({ file, line }, `${name} has no command`);
    const directive = { file, line, name, value: value! };
    if (name === 'release') unsupported.push({ file, line, directive: name, reason: RELEASE });
    else
      fleets.push(
        draftOf(directive, PORT_BASE + (fleets.length % PORTS_TYPES) * PORTS_EACH, { taken, world, envFile }),
      );
  }
  if (fleets.length === 0 && unsupported.length === 0)
    throw refusal({ file, line: 1 }, 'there is no NAME: COMMAND in it');
  return { fleets, unsupported };
}

function draftOf(
  directive: Directive,
  port: number,
  { taken, world, envFile }: { taken: Set<string>; world: World; envFile: string | null },
): Draft {
  const draft = new Draft(directive.name, directive, taken);
  const command = commandOf(directive);
  const [program, ...rest] = command.words as [string, ...string[]];
  const isPath = program.includes('/');
  draft.set('command', templates([isPath ? absolutePath(world.directory, program) : program, ...rest]));
  draft.set('target', 1);
  draft.set('cwd', template(world.directory));
  const env = Object.fromEntries(Object.entries(command.env).map(([name, value]) => [name, template(value)]));
  if (command.usesPort || directive.name === 'web') {
    draft.set('ports', { base: port }, `Slot i listens at ${port} + i.`);
    draft.addEnv({ PORT: '{port}' });
  }
  if (Object.keys(env).length > 0) draft.addEnv(env);
  if (envFile !== null) draft.set('envFile', template(envFile));
  draft.set('ready', { after: '1s' });
  draft.note('ready', 'A real check is better: tcp, socket, http, exec or notify.');
  if (command.keepsShell)
    draft.set('stop.to', 'all', 'A shell waits beside the program, so the signal goes to all.');
  draft.set('restart.storm', 'off', 'The storm breaker is for fleets of many agents.');
  return draft;
}

function commandOf(directive: Directive): ShellCommand {
  try {
    const command = shellCommand(directive.value);
    if (command.words.length > 0 && command.words[0] !== '') return command;
  } catch (error) {
    if (!(error instanceof WordsProblem)) throw error;
    throw refusal(directive, `${directive.name}: ${error.message}`);
  }
  throw refusal(directive, `${directive.name} names no program`);
}
