import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FleetError } from '../errors/fleet-error.ts';
import type { Spec } from '../specification/spec.ts';

/** The file that is read if none is named. */
export const LOCAL_FILE = 'fleet.yaml';

/** A spec as written, not yet checked. */
export interface Source {
  document: unknown;
  /** Its `name`; null if it has none. */
  name: string | null;
  /** The directory that its relative paths are relative to. */
  baseDir: string;
  /** Whether the user named it, with -f or `--`, as opposed to ./fleet.yaml. */
  explicit: boolean;
}

/** The spec in a file that the user named. */
export async function sourceFromFile(file: string): Promise<Source> {
  const text = readText(file);
  if (text === null) throw new FleetError('SPEC_MISSING', `there is no file ${file}`);
  return sourceFromText(text, file, true);
}

/** The spec in ./fleet.yaml; null if there is no such file. */
export async function localSource(): Promise<Source | null> {
  const text = readText(LOCAL_FILE);
  return text === null ? null : sourceFromText(text, LOCAL_FILE, false);
}

/** A spec that the user wrote on the command line. */
export function sourceFromDocument(document: unknown): Source {
  return { document, name: nameIn(document), baseDir: process.cwd(), explicit: true };
}

/** The spec of a source, checked. @throws FleetError SPEC_INVALID with every problem */
export async function checked(source: Source): Promise<Spec> {
  const { parseSpec } = await import('../specification/parse.ts');
  return parseSpec(source.document);
}

async function sourceFromText(text: string, file: string, explicit: boolean): Promise<Source> {
  const { readSpecText } = await import('../specification/yaml.ts');
  const document = readSpecText(text, file);
  return { document, name: nameIn(document), baseDir: dirname(resolve(file)), explicit };
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new FleetError('SPEC_INVALID', `cannot read ${file}: ${message}`, { hint: '', cause });
  }
}

function nameIn(document: unknown): string | null {
  const name = (document as { name?: unknown } | null)?.name;
  return typeof name === 'string' ? name : null;
}
