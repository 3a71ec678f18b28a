import { resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import type { ReadProblem, ReadsOthers } from '../../host/host.ts';
import { parseEnvFile } from '../../specification/env-file.ts';
import { expand, literal, type Placeholders } from '../../specification/placeholders.ts';

/** More than execve(2) could pass to a process. */
const BYTES_MAX = 1024 * 1024;
const READ_MS_MAX = 5_000;

/** Where a spec's variables for secrets are: the template of a path, and the directory of relative ones. */
export interface SecretsPlace {
  envFile: string | null;
  baseDir: string;
}

/**
 * The secrets that are part of a release: those of an `envFile` that is the same for all slots.
 * @throws FleetError SPEC_INVALID with the defect of the file and its line
 */
export async function readReleaseSecrets(
  { envFile, baseDir }: SecretsPlace,
  reader: ReadsOthers,
): Promise<Record<string, string>> {
  const path = envFile === null ? null : literal(envFile);
  return path === null ? {} : readEnvFile(resolve(baseDir, path), reader);
}

/**
 * The secrets that are no part of a release, because `envFile` has placeholders: they are read at each start of a slot,
 * and nothing keeps them.
 * @param values the values of the placeholders in the slot
 * @returns none if `envFile` has no placeholders
 * @throws FleetError SPEC_INVALID with the reason why this start fails
 */
export async function readSlotSecrets(
  { envFile, baseDir }: SecretsPlace,
  values: Placeholders,
  reader: ReadsOthers,
): Promise<Record<string, string>> {
  if (envFile === null || literal(envFile) !== null) return {};
  return readEnvFile(resolve(baseDir, expand(envFile, values)), reader);
}

/**
 * Reads a file of variables. The values are secrets: no message contains any. Others may be able to write the file: it is
 * read whole or not at all, and whatever it is, it delays nothing.
 */
async function readEnvFile(path: string, reader: ReadsOthers): Promise<Record<string, string>> {
  const asked = { do: 'read', path, bytesMax: BYTES_MAX } as const;
  const bytes = await reader.ask(asked, READ_MS_MAX).catch(({ message }: ReadProblem) => {
    throw new FleetError('SPEC_INVALID', `envFile: ${message}`);
  });
  const file = parseEnvFile(bytes);
  if ('variables' in file) return file.variables;
  throw new FleetError('SPEC_INVALID', `envFile: line ${file.line} of ${path} ${file.problem}`, {
    hint: 'Correct the file. A value of several lines stands in quotes; " \\ $ and ` in double quotes need a \\ before them.',
  });
}
