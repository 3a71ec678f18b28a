import { basename, resolve } from 'node:path';
import { findExecutable } from '../host/executable.ts';
import { fileId, readExecutable, readProgram, readSuspect } from '../host/strays.ts';
import { runOf } from '../plan/agent.ts';
import { type Likeness, learn, programOf, type Suspect, type Word } from '../plan/likeness.ts';
import { literal } from '../spec/placeholders.ts';
import type { Managed } from './managed.ts';
import { AGENT_PATH } from './world.ts';

/** So many agents are looked at to learn what they look like. */
const SAMPLE_MAX = 16;

/** An executable and the words that it is started with, placeholders and all. */
interface Command {
  path: string;
  argv: readonly string[];
}

/**
 * What this fleet's agents look like: by each of its releases, and by the command as its spec has it, which people start
 * by hand (a release of a `binary` is a copy in the store).
 */
export function likenessesOf(managed: Managed): Likeness[] {
  const { spec, baseDir } = managed.record;
  if (!spec) return [];
  const written = findWritten(spec.command, baseDir, spec.env.PATH ?? AGENT_PATH);
  const commands: Command[] = [...managed.releases.values()];
  if (written !== null) commands.push({ path: written, argv: spec.command });
  const agents = sampleAgents(managed);
  return commands.flatMap((command) => likenessOf(command, baseDir, agents));
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
function sampleAgents({ plan }: Managed): Suspect[] {
  const sample: Suspect[] = [];
  for (const { agent } of plan.slots.values()) {
    if (sample.length >= SAMPLE_MAX) break;
    const pid = agent.state === 'ready' ? runOf(agent)!.pid : null;
    const executable = pid && readExecutable(pid);
    const suspect = executable && readSuspect(pid, executable);
    if (suspect) sample.push(suspect);
  }
  return sample;
}

function likenessOf({ path, argv }: Command, baseDir: string, agents: readonly Suspect[]): Likeness[] {
  const found = readProgram(path);
  const real = found?.real ?? path;
  const names = { called: basename(path), real, interpreter: found?.interpreter ?? null };
  const words = argv.map((template) => wordOf(template, baseDir));
  const likeness = {
    files: new Set(found ? [found.file] : []),
    paths: new Set([path, real]),
    program: programOf(words, names),
  };
  return learn(likeness, words.slice(1), agents);
}

function wordOf(template: string, baseDir: string): Word {
  const text = literal(template);
  return text === null ? null : { text, file: fileId(resolve(baseDir, text)) };
}
