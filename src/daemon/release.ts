import { basename, resolve } from 'node:path';
import { FleetError } from '../errors.ts';
import { formatProblem } from '../host/elf.ts';
import { findExecutable } from '../host/executable.ts';
import { hashText, readTextFile, removeFile, stageExecutable, storeExecutable } from '../host/files.ts';
import { explainFailure } from '../host/limits.ts';
import { purge } from '../host/slotfiles.ts';
import { runOf } from '../plan/agent.ts';
import type { Layout } from '../spec/layout.ts';
import type { Spec } from '../spec/spec.ts';
import type { ReleaseRecord } from '../store/records.ts';
import type { Managed } from './managed.ts';
import type { Supervisor } from './supervisor.ts';
import { AGENT_PATH } from './world.ts';

/** So many hexadecimal digits name a release: 48 bits, far from any collision among a fleet's releases. */
const ID_LENGTH = 12;

/** What a release is made with, beside its spec. */
export interface Making {
  /** Where relative paths start. */
  baseDir: string;
  layout: Layout;
  /** The releases that the fleet has already. */
  known: ReadonlyMap<string, ReleaseRecord>;
  label?: string | undefined;
  now: Date;
}

/**
 * Makes the release of a spec: command, environment and binary, named by the hash of their content. A `binary` is
 * copied into the release store, so that nobody can change it under running agents.
 * @throws FleetError where the executable or envFile is unusable
 */
export async function makeRelease(spec: Spec, making: Making): Promise<ReleaseRecord> {
  const { baseDir, layout, known, label, now } = making;
  const path = spec.env.PATH ?? AGENT_PATH;
  const executable = findExecutable(spec.command[0]!, baseDir, path, 'command[0]');
  const binary = spec.binary === null ? null : findExecutable(spec.binary, baseDir, path, 'binary');
  if (executable !== binary) checkFormat('command[0]', executable, executable);
  const secrets = spec.envFile === null ? {} : readEnvFile(resolve(baseDir, spec.envFile));
  const staged = binary === null ? null : await stage(binary, layout);
  const { env } = spec;
  /** What runs, with `copy` for the binary: its content, not its path, is what makes a release. */
  const withCopy = (copy: string | null) => ({
    path: copy !== null && executable === binary ? copy : executable,
    argv: spec.command.map((word) => (copy !== null && resolve(baseDir, word) === binary ? copy : word)),
    env,
    secrets,
  });
  const content = { ...withCopy(staged && '{binary}'), binary: staged?.hash ?? null };
  const id = hashText(JSON.stringify(content)).slice(0, ID_LENGTH);
  const stored = staged && storeExecutable(staged.path, layout.release(id), basename(binary!));
  const before = known.get(id);
  const name = label ?? before?.label;
  return {
    id,
    ...withCopy(stored),
    createdAt: before?.createdAt ?? now.toISOString(),
    spec,
    baseDir,
    ...(name !== undefined && { label: name }),
  };
}

async function stage(binary: string, layout: Layout): Promise<{ path: string; hash: string }> {
  const staged = await stageExecutable(binary, layout.releases).catch((error: Error) => {
    throw explainFailure(`cannot copy ${binary} to ${layout.releases}`, error, layout.releases);
  });
  try {
    checkFormat('binary', binary, staged.path);
  } catch (error) {
    removeFile(staged.path);
    throw error;
  }
  return staged;
}

/** @throws FleetError where what `path` holds, `named` by the user so, is nothing that this host could execute */
function checkFormat(where: string, named: string, path: string): void {
  const problem = formatProblem(path);
  if (problem === null) return;
  throw new FleetError('EXECUTABLE_UNUSABLE', `${where}: ${named} ${problem}`, {
    hint: 'Give a program that was built for this host.',
  });
}

/**
 * The spec with another binary: it takes the place of the old one wherever the command names that, or of the program
 * itself where there was none.
 * @param binary its absolute path
 */
export function withBinary(spec: Spec, baseDir: string, binary: string): Spec {
  const isOld = (word: string, at: number) =>
    spec.binary === null
      ? at === 0
      : word.includes('/') && resolve(baseDir, word) === resolve(baseDir, spec.binary);
  return { ...spec, binary, command: spec.command.map((word, at) => (isOld(word, at) ? binary : word)) };
}

/**
 * Forgets releases that are beyond `update.keep`, that no agent runs, and that no rollout could go back to. A disk that
 * does not take that keeps them until the next time: what was accepted before is accepted.
 */
export function pruneReleases(supervisor: Supervisor, managed: Managed): void {
  const { plan, record, releases, name } = managed;
  const inUse = new Set([record.release, record.rollout?.from, record.rollout?.to]);
  for (const { release, agent } of plan.slots.values()) inUse.add(release).add(runOf(agent)?.release);
  const older = [...releases.values()].filter(({ id }) => id !== record.release).toSorted(newestFirst);
  const expired = older.slice(plan.spec.update.keep).filter(({ id }) => !inUse.has(id));
  if (expired.length === 0) return;
  const ids = expired.map(({ id }) => id);
  try {
    supervisor.store.write(name, { forgotten: ids });
  } catch (error) {
    supervisor.journal.note('limit', name, `older releases are kept: ${(error as Error).message}`);
    return;
  }
  for (const id of ids) releases.delete(id);
  const others = [...supervisor.fleets.values()].filter((other) => other !== managed);
  const unused = ids.filter((id) => !others.some((other) => other.releases.has(id)));
  purge(unused.map((id) => supervisor.layout.release(id)));
}

/** The order of releases by age. */
export function newestFirst(a: ReleaseRecord, b: ReleaseRecord): number {
  return b.createdAt.localeCompare(a.createdAt) || a.id.localeCompare(b.id);
}

/**
 * Reads `KEY=value` lines; empty lines and lines that begin with # are passed over, quotes around a value are taken
 * off. The values are secrets: no message has any of them.
 */
function readEnvFile(path: string): Record<string, string> {
  const text = readTextFile(path);
  if (text === null) throw new FleetError('SPEC_INVALID', `envFile: there is no ${path}`);
  const values: Record<string, string> = {};
  for (const [i, line] of text.split('\n').entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, name, value = ''] = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value.includes('\0')) {
      throw new FleetError('SPEC_INVALID', `envFile: line ${i + 1} of ${path} is not NAME=value`);
    }
    values[name] = /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value;
  }
  return values;
}
