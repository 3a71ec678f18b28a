import { basename, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import type { ReleaseRecord } from '../../fleet/records.ts';
import type { Files, Host, ReadProblem } from '../../host/host.ts';
import { hashText } from '../../host/sys/hash.ts';
import type { Paths } from '../../specification/paths.ts';
import { settle } from '../../specification/placeholders.ts';
import type { Spec } from '../../specification/spec.ts';
import { AGENT_PATH } from '../fleet/launch.ts';
import { readEnvFile } from './env-file.ts';

/** The number of hexadecimal digits that name a release: 48 bits, far from any collision among a fleet's releases. */
const ID_LENGTH = 12;
/** No program is larger than this, but a sparse file can claim to be larger than any disk. */
const BINARY_BYTES_MAX = 4 * 1024 ** 3;
/** The time after which a file system (a dead NFS) counts as unable to deliver a program. */
const MS_MAX = { head: 5_000, copy: 120_000 } as const;

/** What a release is made from, besides its spec. */
export interface ReleaseMaking {
  /** The directory of relative paths. */
  baseDir: string;
  paths: Paths;
  host: Host;
  /** The existing releases of the fleet. */
  known: ReadonlyMap<string, ReleaseRecord>;
  label?: string | undefined;
  now: Date;
}

/**
 * Makes the release of a spec: command, environment and binary, named by the hash of their content. A `binary` is
 * copied into the release store, so that nobody can change it under running agents.
 * @throws FleetError if the executable or envFile is unusable
 */
export async function makeRelease(spec: Spec, making: ReleaseMaking): Promise<ReleaseRecord> {
  const { baseDir, paths, host, known, label, now } = making;
  const { files } = host;
  const { command, env } = withLabels(spec);
  const path = env.PATH ?? AGENT_PATH;
  const executable = files.findExecutable(command[0]!, baseDir, path, 'command[0]');
  const binary = spec.binary === null ? null : files.findExecutable(spec.binary, baseDir, path, 'binary');
  if (executable !== binary) await checkFormat(files, 'command[0]', executable, executable);
  const secrets =
    spec.envFile === null ? {} : await readEnvFile(resolve(baseDir, spec.envFile), files.reader);
  const staged = binary === null ? null : await stage(binary, paths, host);
  /** The content to hash, with `copy` for the binary: its content makes a release, not its path. */
  const withCopy = (copy: string | null) => ({
    path: copy !== null && executable === binary ? copy : executable,
    argv: command.map((word) => (copy !== null && resolve(baseDir, word) === binary ? copy : word)),
    env,
    secrets,
  });
  const content = { ...withCopy(staged && '{binary}'), binary: staged?.hash ?? null };
  const id = hashText(JSON.stringify(content)).slice(0, ID_LENGTH);
  const stored = staged && files.storeExecutable(staged.path, paths.release(id), basename(binary!));
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

/** Command and environment with their labels: these are part of a release, so that an agent keeps them with it. */
function withLabels({ command, env, labels }: Spec): Pick<Spec, 'command' | 'env'> {
  const settled = (template: string) => settle(template, 'label', labels ?? {});
  const variables = Object.entries(env).map(([name, value]) => [name, settled(value)] as const);
  return { command: command.map(settled), env: Object.fromEntries(variables) };
}

async function stage(
  binary: string,
  paths: Paths,
  { files, facts }: Host,
): Promise<{ path: string; hash: string }> {
  const path = `${paths.releases}/.staged`;
  const copying = { do: 'stage', source: binary, target: path, bytesMax: BINARY_BYTES_MAX } as const;
  const hash = await files.reader.ask(copying, MS_MAX.copy).catch((error: ReadProblem) => {
    if (isUnusable(error)) throw unusable('binary', error.message);
    throw facts.explain(`cannot copy ${binary} to ${paths.releases}`, error, paths.releases);
  });
  try {
    await checkFormat(files, 'binary', binary, path);
  } catch (error) {
    files.remove(path);
    throw error;
  }
  return { path, hash };
}

/** Whether the fault is in the named file, and not in this host. */
function isUnusable({ code }: ReadProblem): boolean {
  return ['NOT_REGULAR', 'TOO_LARGE', 'TOO_SLOW'].includes(code);
}

/** @throws FleetError if this host cannot execute what `path` holds; `named` is the user's name for it */
async function checkFormat(files: Files, where: string, named: string, path: string): Promise<void> {
  const problem = await files.formatProblem(path, MS_MAX.head).catch((error: ReadProblem) => {
    throw unusable(where, error.message);
  });
  if (problem !== null) throw unusable(where, `${named} ${problem}`);
}

function unusable(where: string, what: string): FleetError {
  return new FleetError('EXECUTABLE_UNUSABLE', `${where}: ${what}`, {
    hint: 'Name a program that was built for this host.',
  });
}

/**
 * The spec with another binary: it replaces the old one wherever the command names that, or the program itself if there
 * was none.
 * @param binary its absolute path
 */
export function withBinary(spec: Spec, baseDir: string, binary: string): Spec {
  const isOld = (word: string, at: number) =>
    spec.binary === null
      ? at === 0
      : word.includes('/') && resolve(baseDir, word) === resolve(baseDir, spec.binary);
  return { ...spec, binary, command: spec.command.map((word, at) => (isOld(word, at) ? binary : word)) };
}
