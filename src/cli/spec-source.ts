import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FleetError } from '../errors/fleet-error.ts';
import { here } from './here.ts';

/** The file that is read if none is named. */
export const LOCAL_FILE = 'fleet.yaml';
/** Stands for the standard input. */
export const STDIN = '-';
const IS_SPEC_FILE = /^[^.].*\.(yaml|yml|json)$/;

/** A spec as written, not yet checked. */
export interface Source {
  document: unknown;
  /** Its `name`; null if it has none. */
  name: string | null;
  /** The directory that its relative paths are relative to. */
  baseDir: string;
  /** Whether the user named it, with -f or `--`, as opposed to ./fleet.yaml. */
  explicit: boolean;
  /** Where it is written; null for the command line. */
  place: Place | null;
}

/** A document of a file. */
export interface Place {
  file: string;
  /** Counted from 1; null if the file has only one. */
  number: number | null;
  lineOf: (path: string) => number;
}

/**
 * The files that the user named, with those of directories in their place, sorted: all *.yaml, *.yml and *.json whose name
 * begins with no dot.
 * @throws FleetError SPEC_MISSING if one does not exist, or a directory holds none
 */
export function filesNamed(names: readonly string[]): string[] {
  return [...new Set(names.flatMap(filesOf))];
}

/** The specs in a file: one per document. @throws FleetError SPEC_MISSING, SPEC_INVALID */
export async function sourcesIn(file: string): Promise<Source[]> {
  const text = readText(file);
  if (text === null) throw new FleetError('SPEC_MISSING', `there is no file ${file}`);
  return sourcesFromText(text, file, true);
}

/** The specs in all files and directories that the user named. @throws FleetError as filesNamed() and sourcesIn() do */
export async function sourcesFrom(names: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  for (const file of filesNamed(names)) sources.push(...(await sourcesIn(file)));
  return sources;
}

/**
 * The spec of one fleet among those that the user named.
 * @param fleet null: the only one
 * @throws FleetError USAGE if it is not there, or if there are several
 */
export function oneOf(sources: readonly Source[], fleet: string | null, command: string): Source {
  const [only, second] = sources;
  const found = fleet === null ? only : sources.find(({ name }) => name === fleet);
  if (found === undefined) throw FleetError.of('USAGE.otherFleet', { fleet: fleet!, name: only?.name ?? '' });
  if (fleet !== null || second === undefined) return found;
  const places = `${describePlace(only!)} and ${describePlace(second)}`;
  throw new FleetError('USAGE', `${command} takes one spec, and -f names several: ${places}`, {
    hint: 'Choose one with --fleet NAME.',
  });
}

/**
 * The spec in ./fleet.yaml; null if there is no such file, or if none in it is named `fleet`.
 * @param fleet null: the only one
 * @throws FleetError USAGE if it holds several, and none is named
 */
export async function localSource(fleet: string | null): Promise<Source | null> {
  const text = readText(LOCAL_FILE);
  if (text === null) return null;
  const sources = await sourcesFromText(text, LOCAL_FILE, false);
  if (fleet !== null) return sources.find(({ name }) => name === fleet) ?? null;
  if (sources.length === 1) return sources[0]!;
  throw new FleetError('USAGE', `./${LOCAL_FILE} holds ${sources.length} specs`, {
    hint: `Take all of them with -f ${LOCAL_FILE}, or one with --fleet NAME.`,
  });
}

/** A spec that the user wrote on the command line. */
export function sourceFromDocument(document: unknown): Source {
  return { document, name: nameIn(document), baseDir: here(), explicit: true, place: null };
}

/** Where a key of a source is written: `web.yaml:7`. */
export function placeOf({ place }: Source, path: string): string {
  return place === null ? 'the command line' : `${place.file}:${place.lineOf(path)}`;
}

/** The document that a source is: `web.yaml`, or `web.yaml (document 2)`. */
export function describePlace({ place }: Source): string {
  if (place === null) return 'the command line';
  return place.number === null ? place.file : `${place.file} (document ${place.number})`;
}

async function sourcesFromText(text: string, file: string, explicit: boolean): Promise<Source[]> {
  const { readSpecText } = await import('../specification/yaml.ts');
  const documents = readSpecText(text, file === STDIN ? 'stdin' : file);
  const baseDir = file === STDIN ? here() : dirname(resolve(here(), file));
  return documents.map(({ value, number, lineOf }) => ({
    document: value,
    name: nameIn(value),
    baseDir,
    explicit,
    place: { file, number: documents.length === 1 ? null : number, lineOf },
  }));
}

function filesOf(name: string): string[] {
  if (name === STDIN || !isDirectory(name)) return [name];
  const files = entriesOf(name).filter(
    (entry) => IS_SPEC_FILE.test(entry) && !isDirectory(join(name, entry)),
  );
  if (files.length > 0) return files.sort().map((entry) => join(name, entry));
  throw new FleetError('SPEC_MISSING', `there is no *.yaml, *.yml or *.json in the directory ${name}`);
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Reading it says why.
    return false;
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    throw unreadable(directory, cause);
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file === STDIN ? 0 : file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(file, cause);
  }
}

function unreadable(path: string, cause: unknown): FleetError {
  const { message } = cause as Error;
  return new FleetError('SPEC_INVALID', `cannot read ${path}: ${message}`, { hint: '', cause });
}

function nameIn(document: unknown): string | null {
  const name = (document as { name?: unknown } | null)?.name;
  return typeof name === 'string' ? name : null;
}
