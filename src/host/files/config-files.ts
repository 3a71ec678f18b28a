import { closeSync, fstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openRegular, readUpTo, tooLarge } from '../sys/bounded.ts';
import { ReadProblem } from '../sys/read-problem.ts';

/** A file of a directory of configuration: its text, or why it cannot be trusted or read. */
export type ConfigFile = { path: string; text: string } | { path: string; problem: string };

/** Permission bits (inode(7)). */
const OTHERS_WRITE = 0o002;
const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const IS_CONFIG = /^[^.].*\.(yaml|yml|json)$/;
const BYTES_MAX = 1024 * 1024;
const FILES_MAX = 1_000;

/**
 * Reads the files of a directory that is obeyed: only what nobody but its owners can have written. A link is followed
 * only within the directory (a mounted ConfigMap has such).
 * @param owners the uids that files and directories may belong to
 * @returns the files by name; null if there is no such directory
 * @throws ReadProblem if the directory cannot be read, or others could replace it
 */
export function readConfigFiles(directory: string, owners: readonly number[]): ConfigFile[] | null {
  if (!directory.startsWith('/')) throw new ReadProblem('EINVAL', `${directory} is not an absolute path`);
  const real = resolved(directory);
  if (real === null) return null;
  for (let above = dirname(real); ; above = dirname(above)) {
    refuseOpen(above, statSync(above), owners, true);
    if (above === dirname(above)) break;
  }
  refuseOpen(real, statSync(real), owners);
  const names = readdirSync(real).filter((name) => IS_CONFIG.test(name));
  if (names.length > FILES_MAX)
    throw new ReadProblem('TOO_LARGE', `${directory} has more than ${FILES_MAX} files`);
  return names.sort().map((name) => {
    const path = join(directory, name);
    try {
      return { path, text: readOne(join(real, name), real, owners) };
    } catch (error) {
      return { path, problem: (error as Error).message };
    }
  });
}

function readOne(path: string, directory: string, owners: readonly number[]): string {
  const target = realpathSync(path);
  if (!target.startsWith(`${directory}/`)) throw new ReadProblem('ELOOP', `it is a link to ${target}`);
  for (let above = dirname(target); above !== directory; above = dirname(above)) {
    refuseOpen(above, statSync(above), owners);
  }
  const { fd } = openRegular(target, false);
  try {
    refuseOpen(target, fstatSync(fd), owners);
    const content = readUpTo(fd, BYTES_MAX + 1);
    if (content.length > BYTES_MAX) throw tooLarge(target, BYTES_MAX);
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } finally {
    closeSync(fd);
  }
}

/** @throws ReadProblem if others may write; in a sticky directory on the way they may, as they cannot replace anything */
function refuseOpen(path: string, { uid, mode }: Stats, owners: readonly number[], isOnTheWay = false): void {
  if (!owners.includes(uid)) throw new ReadProblem('EACCES', `${path} belongs to uid ${uid}`);
  // The group of a directory on the way is mostly the owner's own.
  const bits = isOnTheWay ? OTHERS_WRITE : GROUP_OR_OTHERS_WRITE;
  if ((mode & bits) === 0 || (isOnTheWay && mode & STICKY)) return;
  throw new ReadProblem('EACCES', `others can write to ${path}: its mode is ${(mode & 0o7777).toString(8)}`);
}

function resolved(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
