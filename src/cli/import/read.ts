import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Imported } from '../../import/draft.ts';
import type { SourceFile, World } from '../../import/input.ts';
import { KINDS, type Kind, kindOf } from '../../import/kind.ts';
import { evaluatedEcosystem, readEcosystem } from '../../import/pm2/document.ts';
import { importEcosystem } from '../../import/pm2/import.ts';
import { importProcfile } from '../../import/procfile/import.ts';
import { importSupervisord, includesOf } from '../../import/supervisord/import.ts';
import { importUnit } from '../../import/systemd/import.ts';
import { evaluate } from './evaluate.ts';

/** More than any configuration has. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** What the command line says about an import. */
export interface Wish {
  file: string;
  /** Null: recognised by name and content. */
  from: string | null;
  /** The NAME of pm2's env_NAME. */
  environment: string | null;
}

/** A file that was read. */
interface ReadFile extends SourceFile {
  /** Its permissions to read and write. */
  mode: number;
}

/**
 * Reads a configuration with what belongs to it, and translates it.
 * @returns also the permissions of the files to write: a secret stays as well kept as it was
 * @throws FleetError USAGE, IMPORT_INVALID
 */
export async function readAndImport(wish: Wish): Promise<{ imported: Imported; mode: number }> {
  const files: ReadFile[] = [];
  const read = (file: string): SourceFile => {
    const source = readSource(file);
    files.push(source);
    return source;
  };
  const imported = await importFrom(wish, read);
  return { imported, mode: files.reduce((mode, file) => mode & file.mode, 0o666) };
}

type Read = (file: string) => SourceFile;

async function importFrom({ file, from, environment }: Wish, read: Read): Promise<Imported> {
  const source = read(file);
  const kind = from === null ? recognised(source) : asKind(from);
  const path = resolve(file);
  const world: World = {
    directory: dirname(path),
    hostName: hostname(),
    env: process.env,
    processors: availableParallelism(),
  };
  if (environment !== null && kind !== 'pm2') {
    throw new FleetError('USAGE', `--env is for ecosystem files of pm2, and ${file} is none`, { hint: '' });
  }
  switch (kind) {
    case 'supervisord':
      return importSupervisord([source, ...included(source, world, read)], world);
    case 'systemd':
      return importUnit(source, world, { instances: instancesOf(path), dropIns: dropInsOf(path) });
    case 'procfile':
      return importProcfile(source, world, envFileIn(world.directory));
    case 'pm2':
      return importEcosystem(await ecosystem(source, path), world, environment);
  }
}

function recognised(source: SourceFile): Kind {
  const kind = kindOf(source);
  if (kind !== null) return kind;
  throw new FleetError('IMPORT_INVALID', `${source.file} looks like none of ${KINDS.join(', ')}`, {
    hint: 'Name its kind with --from.',
  });
}

function asKind(text: string): Kind {
  const kind = KINDS.find((each) => each === text);
  if (kind === undefined) {
    throw FleetError.of('USAGE.value', {
      what: '--from',
      expected: `one of ${KINDS.join(', ')}`,
      found: text,
    });
  }
  return kind;
}

async function ecosystem(source: SourceFile, path: string) {
  if (!/\.[cm]?js$/.test(path)) return readEcosystem(source);
  const { value, strange } = await evaluate(path, source.text);
  return evaluatedEcosystem(source, value, strange);
}

function included(main: SourceFile, world: World, read: Read): SourceFile[] {
  return includesOf(main, world).flatMap(({ pattern, place }) => {
    const files = globSync(pattern, { cwd: world.directory }).sort();
    const isPattern = /[*?[]/.test(pattern);
    if (files.length === 0 && !isPattern) {
      throw FleetError.of('IMPORT_INVALID.at', {
        place: `${place.file}:${place.line}`,
        text: `there is no ${pattern}`,
      });
    }
    return files.map((file) =>
      read(join(dirname(main.file), relative(world.directory, resolve(world.directory, file)))),
    );
  });
}

/** The enabled instances of a template: the links beside it, as in multi-user.target.wants. */
function instancesOf(path: string): string[] {
  const prefix = basename(path, '.service');
  if (!prefix.endsWith('@')) return [];
  const links = globSync('*.{wants,requires}/*@*.service', { cwd: dirname(path) }).map((link) =>
    basename(link, '.service'),
  );
  const names = links.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return [...new Set(names)].filter((name) => name !== '').sort(byNumber);
}

function byNumber(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

function dropInsOf(path: string): string[] {
  return globSync(`${basename(path)}.d/*.conf`, { cwd: dirname(path) }).sort();
}

function envFileIn(directory: string): string | null {
  const file = join(directory, '.env');
  return existsSync(file) ? file : null;
}

function readSource(file: string): ReadFile {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw new Error('it is no regular file');
    if (stats.size > FILE_BYTES_MAX) throw new Error('it has more than 4 MiB');
    return {
      file,
      mode: stats.mode & 0o666,
      text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)),
    };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
          ? 'it is not valid UTF-8'
          : message;
    throw new FleetError('IMPORT_INVALID', `cannot read ${file}: ${why}`, { hint: '', cause });
  }
}
