import { basename, resolve } from 'node:path';
import {
  agentProgram,
  type CommandWord,
  type Fingerprint,
  learnFingerprints,
  type Suspect,
} from '../../fleet/strays/fingerprint.ts';
import { ReadProblem } from '../../host/files/bounded.ts';
import type { ReadsOthers } from '../../host/files/reader.ts';
import { findExecutable } from '../../host/process/executable.ts';
import { type FoundProgram, fileId, readExecutable } from '../../host/strays/find.ts';
import { literal } from '../../specification/placeholders.ts';
import { AGENT_PATH } from '../fleet/launch.ts';
import type { Managed } from '../fleet/managed.ts';
import { interrogate, type StrayCandidate } from './interrogate.ts';

/** So many agents are looked at to learn what they look like. */
const SAMPLE_MAX = 16;
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
export async function fingerprintsOf(managed: Managed, reader: ReadsOthers): Promise<Fingerprint[]> {
  const { spec, baseDir } = managed.record;
  if (!spec) return [];
  const written = findWritten(spec.command, baseDir, spec.env.PATH ?? AGENT_PATH);
  const commands: Command[] = [...managed.releases.values()];
  if (written !== null) commands.push({ path: written, argv: spec.command });
  const agents = await sampleAgents(managed, reader);
  const programs = await reader.askAll(
    commands.map(({ path }) => ({ do: 'program', path }) as const),
    READ_MS_MAX,
  );
  return commands.flatMap((command, i) => {
    const program = programs[i];
    return fingerprintOf(command, program instanceof ReadProblem ? null : program!, baseDir, agents);
  });
}

/** Where the spec's command is now; null where it was taken away. */
function findWritten(command: readonly string[], baseDir: string, path: string): string | null {
  try {
    return findExecutable(command[0]!, baseDir, path, 'command[0]');
  } catch {
    return null; // Agents that run are known by their releases all the same.
  }
}

/** A few agents that run: like agents are alike. */
async function sampleAgents({ fleet, startTicks }: Managed, reader: ReadsOthers): Promise<Suspect[]> {
  const sample: StrayCandidate[] = [];
  for (const { number, agent } of fleet.slots.values()) {
    if (sample.length >= SAMPLE_MAX) break;
    const pid = agent.state === 'ready' ? agent.run.pid : null;
    const executable = pid && readExecutable(pid);
    if (executable) sample.push({ process: { pid, startTicks: startTicks.get(number) ?? 0 }, executable });
  }
  const { suspects } = await interrogate(reader, sample, null);
  return suspects.filter((suspect) => suspect !== null);
}

function fingerprintOf(
  { path, argv }: Command,
  found: FoundProgram | null,
  baseDir: string,
  agents: readonly Suspect[],
): Fingerprint[] {
  const real = found?.real ?? path;
  const names = { called: basename(path), real, interpreter: found?.interpreter ?? null };
  const words = argv.map((template) => wordOf(template, baseDir));
  const fingerprint = {
    files: new Set(found ? [found.file] : []),
    paths: new Set([path, real]),
    program: agentProgram(words, names),
  };
  return learnFingerprints(fingerprint, words.slice(1), agents);
}

function wordOf(template: string, baseDir: string): CommandWord {
  const text = literal(template);
  return text === null ? null : { text, file: fileId(resolve(baseDir, text)) };
}
