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

/** The number of agents that are inspected to learn what they look like. */
const REPRESENTATIVES_MAX = 16;
/** The path of a program is the user's choice, and may be on a file system that does not answer. */
const READ_MS_MAX = 2_000;

/** An executable and the words that it is started with, placeholders included. */
interface Command {
  path: string;
  argv: readonly string[];
}

/**
 * The fingerprints of this fleet's agents: of each of its releases, and of the command as in its spec, which people start
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

/** The current path of the spec's command; null if it is gone. */
function findWritten(files: Files, command: readonly string[], baseDir: string, path: string): string | null {
  try {
    return files.findExecutable(command[0]!, baseDir, path, 'command[0]');
  } catch {
    return null; // Running agents are still known by their releases.
  }
}

/** A few running agents, which stand for all. */
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
