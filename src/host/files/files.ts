import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { onDisk } from '../facts/explain.ts';

// Failures get their name here (explain.ts): the path, the errno, what to do. Only a caller that tests for an errno, in
// reads and searches, gets the bare one.

/**
 * Writes a file so that after a power cut either the old or the new content exists as a whole: a temporary file, fsync,
 * rename, and fsync of the directory, without which the rename itself may be lost (rename(2), fsync(2)).
 * @throws FleetError if the disk fails; then the file has the old content, or already the new one
 */
export function writeDurable(path: string, content: string, mode = 0o600): void {
  onDisk('write', path, () => replaceDurably(path, content, mode));
}

function replaceDurably(path: string, content: string, mode: number): void {
  const temporary = `${path}.new`;
  try {
    const fd = openSync(temporary, 'w', mode);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    // A rest of it would keep a full disk full; if it cannot be removed, that is not the first failure.
    tryRemove(temporary);
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Removes a file, if the disk permits. */
export function tryRemove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

/**
 * Makes a directory and its missing parents so that no power cut removes any of them; otherwise everything written
 * durably in it would become unreachable.
 * @throws FleetError if it cannot be made
 */
export function makeDirectory(path: string, mode: number): void {
  onDisk('make the directory', path, () => makeDurably(path, mode));
}

function makeDurably(path: string, mode: number): void {
  const first = mkdirSync(path, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made));
}

/**
 * Makes a directory if there is none, at the price of one system call: its parents exist except for the first time, and
 * are made (0755) only if the kernel misses them.
 */
export function makeChild(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    mkdirSync(path, { mode });
  }
}

/** Makes the names in a directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A text file's content; null if there is none. */
export function readTextFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Removes a file, if it exists. @throws FleetError if the disk fails */
export function removeFile(path: string): void {
  onDisk('remove', path, () => rmSync(path, { force: true }));
}

/** Moves damaged files away under a name with the time, and returns that name; null if there are none. */
export function setAside(paths: readonly string[], now: Date): string | null {
  const suffix = `.corrupt-${now.toISOString().replaceAll(/[-:.]/g, '')}`;
  const present = paths.filter((path) => existsSync(path));
  for (const path of present) onDisk('set aside', path, () => renameSync(path, path + suffix));
  return present.length > 0 ? present[0] + suffix : null;
}

/** Whether a path leads to a directory. */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A path with its symbolic links followed (realpath(3)); null if it leads nowhere, or may not be followed. */
export function realPath(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch {
    return null;
  }
}

/** The name under which a file was last set aside; null if it never was. */
export function lastAside(path: string): string | null {
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.corrupt-`));
  return names.length > 0 ? `${dirname(path)}/${names.sort().at(-1)}` : null;
}

/** A file's size in bytes; null if there is none. */
export function fileSize(path: string): number | null {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/**
 * Moves a staged copy to its path, unless the path exists already: durable before it appears under its name.
 * @returns its path
 * @throws FleetError if the disk fails; then nothing is left of the staged copy
 */
export function storeExecutable(staged: string, directory: string, name: string): string {
  const target = `${directory}/${name}`;
  try {
    onDisk('store', target, () => placeExecutable(staged, directory, target));
  } catch (error) {
    tryRemove(staged);
    throw error;
  }
  return target;
}

function placeExecutable(staged: string, directory: string, target: string): void {
  if (existsSync(target)) rmSync(staged);
  else {
    makeDirectory(directory, 0o755);
    chmodSync(directory, 0o755); // Whatever our umask, because agents of other users run its content.
    const fd = openSync(staged, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(staged, target);
  }
  // Even if it existed: its writer may have been killed before it was durable.
  syncDirectory(directory);
  syncDirectory(dirname(directory));
}
