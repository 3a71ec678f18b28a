import { basename, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import type { ReleaseRecord } from '../../fleet/records.ts';
import type { Files, Host, Processes, ReadProblem } from '../../host/host.ts';
import { hashText } from '../../host/sys/hash.ts';
import { parseSpec } from '../../specification/parse.ts';
import type { Paths } from '../../specification/paths.ts';
import { keysUsed, literal } from '../../specification/placeholders.ts';
import type { Spec } from '../../specification/spec.ts';
import { readReleaseSecrets } from '../fleet/env-file.ts';
import { AGENT_PATH } from '../fleet/launch.ts';
import { checkExecSize } from './exec-size.ts';

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
  /** The highest slot that is wanted; below 0 if there is none. */
  highest: number;
  /** The existing releases of the fleet. */
  known: ReadonlyMap<string, ReleaseRecord>;
  label?: string | undefined;
  now: Date;
}

/**
 * Makes the release of a spec: command, environment and binary, named by the hash of their content. A `binary` is
 * copied into the release store, so that nobody can change it under running agents.
 * @throws FleetError if the executable or envFile is unusable, agents cannot have their sandbox here, or the kernel could not pass so much to an agent
 */
export async function makeRelease(spec: Spec, making: ReleaseMaking): Promise<ReleaseRecord> {
  const { baseDir, paths, host, highest, known, label, now } = making;
  const { files } = host;
  const { command, env } = spec;
  const path = env.PATH ?? AGENT_PATH;
  const executable = files.findExecutable(command[0]!, baseDir, path, 'command[0]');
  const binary = spec.binary === null ? null : files.findExecutable(spec.binary, baseDir, path, 'binary');
  if (executable !== binary) await checkFormat(files, 'command[0]', executable, executable);
  const secrets = await readReleaseSecrets({ envFile: spec.envFile, baseDir }, files.reader);
  /** The content to hash, with `copy` for the binary: its content makes a release, not its path. */
  const withCopy = (copy: string | null) => ({
    path: copy !== null && executable === binary ? copy : executable,
    argv: command.map((word) => (copy !== null && resolve(baseDir, word) === binary ? copy : word)),
    env,
    secrets,
  });
  // Before anything is copied: whatever its id will be, it is as long as this one.
  const draft = '0'.repeat(ID_LENGTH);
  const words = withCopy(binary && `${paths.release(draft)}/${basename(binary)}`);
  const release = { id: draft, ...words, createdAt: '', spec, baseDir };
  await checkSandbox(spec, host.processes);
  checkExecSize({ host, spec, baseDir, release, slot: Math.max(highest, 0), paths });
  const staged = binary === null ? null : await stage(binary, paths, host);
  const links = linksOf(spec, baseDir, executable === binary ? null : executable, files);
  const content = {
    ...withCopy(staged && '{binary}'),
    binary: staged?.hash ?? null,
    ...surroundings(spec),
    ...(links && { links }),
  };
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
    ...(links && { links }),
    ...(name !== undefined && { label: name }),
  };
}

/** @throws FleetError if agents cannot have their sandbox on this host */
async function checkSandbox({ sandbox, process }: Spec, processes: Processes): Promise<void> {
  if (sandbox === null) return;
  if (process.capabilities.length > 0 && processes.users.own.uid !== 0)
    throw new FleetError(
      'PRIVILEGE_MISSING',
      'process.capabilities: together with sandbox they need root, as without it a sandbox is a user namespace',
    );
  await processes.trySandbox();
}

/**
 * What else an agent sees of its spec, as far as that differs from the defaults: a release without any of it has the name
 * that it had before there were these keys.
 */
function surroundings(spec: Spec): Partial<Spec> {
  const defaults = parseSpec({ name: spec.name, command: ['none'] });
  const keys = (['cwd', 'limits', 'process', 'sandbox'] as const).filter(
    (key) => JSON.stringify(spec[key]) !== JSON.stringify(defaults[key]),
  );
  const seen: Partial<Spec> = Object.fromEntries(keys.map((key) => [key, spec[key]]));
  const used = keysUsed([...spec.command, ...Object.values(spec.env), spec.cwd], 'label');
  if (used.length === 0) return seen;
  return { ...seen, labels: Object.fromEntries(used.map((key) => [key, spec.labels?.[key] ?? ''])) };
}

/**
 * Where the symbolic links in the paths of a spec lead now; null if there are none. A deployment that swaps a link makes
 * another release, though no word of the spec has changed.
 * @param executable null if it is copied: then its content is part of the release
 */
function linksOf(
  { command, cwd }: Spec,
  baseDir: string,
  executable: string | null,
  files: Files,
): Record<string, string> | null {
  const directory = literal(cwd);
  const paths: [key: string, path: string | null][] = [
    ['command', command[0]!.includes('/') ? executable : null],
    ['cwd', directory === null ? null : resolve(baseDir, directory)],
  ];
  const links = paths.flatMap(([key, path]) => {
    const target = path === null ? null : files.realPath(path);
    return target === null || target === path ? [] : [[key, target] as const];
  });
  return links.length === 0 ? null : Object.fromEntries(links);
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
