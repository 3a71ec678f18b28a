import { randomBytes } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import type { StateIdentity, StatePlace } from '../../supervisor/possession.ts';
import { readTextFile, setAside, writeDurable } from '../files/files.ts';
import { readBootId } from '../proc/boot.ts';

/** 48 bits, as the names of cgroup trees have them. */
const ID_BYTES = 6;
const TREE_ID = /^[0-9a-f]{12}$/;

/** The present place of a directory in the file system. @throws ENOENT if it does not exist */
export function placeOf(directory: string): StatePlace {
  const path = realpathSync(directory);
  const { dev: device, ino: inode } = statSync(path);
  return { path, device, inode, bootId: readBootId() };
}

/** Whether a directory is still where it was. */
export function isThere({ path, device, inode }: StatePlace): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.dev === device && found.ino === inode;
}

/** A random id for a cgroup tree. */
export function newTreeId(): string {
  return randomBytes(ID_BYTES).toString('hex');
}

/**
 * Reads the identity of a state directory.
 * @returns null if there is none; with a notice if it cannot be read, and was set aside
 */
export function readIdentity(path: string): { identity: StateIdentity | null; notice: string | null } {
  const text = readTextFile(path);
  if (text === null) return { identity: null, notice: null };
  const identity = parseIdentity(text);
  if (identity) return { identity, notice: null };
  const aside = setAside([path], new Date());
  return { identity: null, notice: `${path} cannot be read; it is kept as ${aside}` };
}

function parseIdentity(text: string): StateIdentity | null {
  try {
    const { id, path, device, inode, bootId } = JSON.parse(text) as StateIdentity;
    const isSound = TREE_ID.test(id) && typeof path === 'string' && typeof bootId === 'string';
    return isSound && Number.isInteger(device) && Number.isInteger(inode)
      ? { id, path, device, inode, bootId }
      : null;
  } catch {
    return null;
  }
}

/** Makes an identity durable. @throws if the disk fails */
export function writeIdentity(path: string, identity: StateIdentity): void {
  writeDurable(path, `${JSON.stringify(identity)}\n`);
}
