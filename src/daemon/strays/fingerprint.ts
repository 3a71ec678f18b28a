import { basename, resolve } from 'node:path';
import {
  agentProgram,
  type CommandWord,
  type Fingerprint,
  learnFingerprints,
  type Suspect,
} from '../../fleet/strays/fingerprint.ts';
import type { Files, FoundProgram, Host } from '../../host/host.ts';
import { literal } from '../../specification/placeholders.ts';
import { AGENT_PATH } from '../fleet/launch.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { interrogate, type StrayCandidate } from './interrogate.ts';

/** So many agents are looked at to learn what they look like. */
const REPRESENTATIVES_MAX = 16;
/** Where a program lies is the user's choice, and may be a file system that does not answer. */
const READ_MS_MAX = 2_000;

/** An executable and the words that it is started with, placeholders and all. */
interface Command {
  path: string;
  argv: readonly string[];
}

/**
 * What this fleet's agents look like: by each of its releases, and by the command as its spec has it, which people start
 * by hand (a release of a `binary` is a copy in the store).
 */
export async function fingerprintsOf(runner: FleetRunner, host: Host): Promise<Fingerprint[]> {
  const { spec, baseDir } = runner.fleet.record;
  if (!spec) return [];
  const written = findWritten(host.files, spec.command, baseDir, spec.env.PATH ?? AGENT_PATH);
  const commands: Command[] = [...runner.fleet.releases.values()];
  if (written !== null) commands.push({ path: written, argv: spec.command });
  const agents = await representatives(runner, host);
  const programs = await host.files.reader.askAll(
    commands.map(({ path }) => ({ do: 'program', path }) as const),
    READ_MS_MAX,
  );
  return commands.flatMap((command, i) => {
    const program = programs[i];
    const found = program?.ok ? program.value : null;
    return fingerprintOf(host.files, command, found, baseDir, agents);
  });
}

/** Where the spec's command is now; null where it was taken away. */
function findWritten(files: Files, command: readonly string[], baseDir: string, path: string): string | null {
  try {
    return files.findExecutable(command[0]!, baseDir, path, 'command[0]');
  } catch {
    return null; // Agents that run are known by their releases all the same.
  }
}

/** A few agents that run: like agents are alike. */
async function representatives({ fleet }: FleetRunner, host: Host): Promise<Suspect[]> {
  const chosen: StrayCandidate[] = [];
  for (const { agent } of fleet.slots.values()) {
    if (chosen.length >= REPRESENTATIVES_MAX) break;
    if (agent.state !== 'ready') continue;
    const { pid, startTicks } = agent.run;
    const executable = host.processes.others.executableOf(pid);
    if (executable) chosen.push({ process: { pid, startTicks }, executable });
  }
  const { suspects } = await interrogate(host.files.reader, chosen, null);
  return suspects.filter((suspect) => suspect !== null);
}

function fingerprintOf(
  files: Files,
  { path, argv }: Command,
  found: FoundProgram | null,
  baseDir: string,
  agents: readonly Suspect[],
): Fingerprint[] {
  const real = found?.real ?? path;
  const names = { called: basename(path), real, interpreter: found?.interpreter ?? null };
  const words = argv.map((template) => wordOf(files, template, baseDir));
  const fingerprint = {
    files: new Set(found ? [found.file] : []),
    paths: new Set([path, real]),
    program: agentProgram(words, names),
  };
  return learnFingerprints(fingerprint, words.slice(1), agents);
}

function wordOf(files: Files, template: string, baseDir: string): CommandWord {
  const text = literal(template);
  return text === null ? null : { text, file: files.fileId(resolve(baseDir, text)) };
}
