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
 * @returns their paths
 * @throws FleetError USAGE
 */
export function writeAll(directory: string, files: readonly FleetFile[], force: boolean): string[] {
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
  const drafts: string[] = [];
  try {
    mkdirSync(directory, { recursive: true });
    for (const [at, path] of paths.entries()) {
      const draft = `${path}.${process.pid}.tmp`;
      writeFileSync(draft, files[at]!.text, { flag: 'wx' });
      drafts.push(draft);
    }
    for (const [at, draft] of drafts.entries()) renameSync(draft, paths[at]!);
  } catch (cause) {
    for (const draft of drafts) rmSync(draft, { force: true });
    const { message } = cause as Error;
    throw new FleetError('USAGE', `cannot write into ${directory}: ${message}`, { hint: '', cause });
  }
  return paths;
}
