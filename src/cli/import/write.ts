import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';

/** A file that is to be written. */
export interface FleetFile {
  /** `NAME.yaml`. */
  name: string;
  text: string;
}

/**
 * Writes files into a directory, all or none: nothing is overwritten without `force`, and each is complete under a name of
 * its own before the first one gets its own.
 * @param options.mode who may read them, as far as the umask allows
 * @returns their paths
 * @throws FleetError USAGE
 */
export function writeAll(
  directory: string,
  files: readonly FleetFile[],
  { force, mode }: { force: boolean; mode: number },
): string[] {
  const paths = files.map(({ name }) => join(directory, name));
  const present = force ? [] : paths.filter((path) => existsSync(path));
  if (present.length > 0) {
    const shown = `${present.slice(0, 3).join(', ')}${present.length > 3 ? ' …' : ''}`;
    throw new FleetError(
      'USAGE',
      `${shown} ${present.length === 1 ? 'exists' : 'exist'}; nothing was written`,
      {
        hint: 'Add --force to overwrite, or name another directory with --out.',
      },
    );
  }
  const inTheWay = paths.find((path) => existsSync(path) && lstatSync(path).isDirectory());
  if (inTheWay !== undefined) {
    throw new FleetError('USAGE', `${inTheWay} is a directory; nothing was written`, {
      hint: 'Move it away, or name another directory with --out.',
    });
  }
  const written: string[] = [];
  try {
    mkdirSync(directory, { recursive: true });
    for (const [at, path] of paths.entries()) {
      const temporary = `${path}.${process.pid}.tmp`;
      writeFileSync(temporary, files[at]!.text, { flag: 'wx', mode });
      written.push(temporary);
    }
    for (const [at, temporary] of written.entries()) renameSync(temporary, paths[at]!);
  } catch (cause) {
    for (const temporary of written) rmSync(temporary, { force: true });
    const { message } = cause as Error;
    throw new FleetError('USAGE', `cannot write into ${directory}: ${message}`, { hint: '', cause });
  }
  return paths;
}
