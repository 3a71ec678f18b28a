import { lstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';

/** What is at a path, without following a link there: `text` is '' for a link, a directory and the like. */
export type FoundFile = { kind: 'nothing' } | { kind: 'file' | 'link' | 'other'; text: string };

/** Inspects `path` below `root`. @throws FleetError as placeBelow() does, or if it cannot be read */
export function findBelow(root: string, path: string): FoundFile {
  const place = placeBelow(root, path);
  try {
    const stat = lstatSync(place, { throwIfNoEntry: false });
    if (!stat) return { kind: 'nothing' };
    if (stat.isFile()) return { kind: 'file', text: readFileSync(place, 'utf8') };
    return { kind: stat.isSymbolicLink() ? 'link' : 'other', text: '' };
  } catch (error) {
    throw new FleetError('PRIVILEGE_MISSING', `${place} cannot be read: ${(error as Error).message}`, {
      hint: 'Run fleetctl as root.',
      cause: error,
    });
  }
}

/**
 * Where a path of the host is below another root. The links of an image are made for the host that boots from it:
 * followed from here, they may lead into this host's own files.
 * @throws FleetError USAGE if its parent is not a directory, or not below the root
 */
export function placeBelow(root: string, path: string): string {
  const place = join(root, path);
  if (root === '/') return place;
  const real = realDirectory(dirname(place));
  const realRoot = realDirectory(root);
  if (real === realRoot || real.startsWith(`${realRoot}/`) || realRoot === '/') return place;
  throw new FleetError('USAGE', `${dirname(place)} leads out of --root ${root}, to ${real}`, {
    hint: 'Replace the link in its path with one that stays below the root, or with a directory.',
  });
}

/** The real path of a directory that exists, or will be made. @throws FleetError USAGE if something else is in its way */
function realDirectory(path: string): string {
  try {
    return realpathSync(`${path}/.`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const stat = code === 'ENOENT' ? lstatSync(path, { throwIfNoEntry: false }) : null;
    if (stat?.isSymbolicLink()) return resolve(dirname(path), readlinkSync(path));
    if (stat === undefined) return join(realDirectory(dirname(path)), path.slice(dirname(path).length));
    throw new FleetError('USAGE', `${path} cannot be a directory: ${(error as Error).message}`, {
      hint: 'Move away what is in its place, or choose another --root.',
      cause: error,
    });
  }
}
