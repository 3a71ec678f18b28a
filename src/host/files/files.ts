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
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { onDisk } from '../facts/explain.ts';

// What fails here is named here (limits.ts): which path, which errno, what to do. Only where a caller asks for an errno,
// in what is read or looked for, does it get the bare one.

/**
 * Writes a file so that after a power cut either the old or the new content is there, whole: a temporary file,
 * fsync, rename, and fsync of the directory, without which the rename itself may be lost (rename(2), fsync(2)).
 * @throws FleetError where the disk does not take it; the old content is there then, or already the new one
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
    // What is left of it would keep a full disk full; that it cannot be removed is not what went wrong first.
    tryRemove(temporary);
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Removes a file, where the disk lets it. */
export function tryRemove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

/**
 * Makes a directory, and those above it that are missing, so that a power cut takes none of them away again: else all
 * that is written durably in it could not be reached any more.
 * @throws FleetError where it cannot be made
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
 * Makes a directory where there is none, at the price of one system call: its parents are there but for the first time,
 * and are made (0755) only where the kernel misses them.
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

/** A text file's content; null where there is none. */
export function readTextFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Removes a file, if it is there. @throws FleetError where the disk does not let it go */
export function removeFile(path: string): void {
  onDisk('remove', path, () => rmSync(path, { force: true }));
}

/** Moves damaged files out of the way under a name that tells when, and gives that name; null where none is there. */
export function setAside(paths: readonly string[], now: Date): string | null {
  const suffix = `.corrupt-${now.toISOString().replaceAll(/[-:.]/g, '')}`;
  const present = paths.filter((path) => existsSync(path));
  for (const path of present) onDisk('set aside', path, () => renameSync(path, path + suffix));
  return present.length > 0 ? present[0] + suffix : null;
}

/** Under which name a file was set aside last; null where it never was. */
export function lastAside(path: string): string | null {
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.corrupt-`));
  return names.length > 0 ? `${dirname(path)}/${names.sort().at(-1)}` : null;
}

/** A file's size in bytes; null where there is none. */
export function fileSize(path: string): number | null {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/**
 * Gives a staged copy its place, unless it is there already: durable before it appears under its name.
 * @returns its path
 * @throws FleetError where the disk does not take it; nothing is left of the staged copy then
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
    chmodSync(directory, 0o755); // Whatever our umask: agents of other users run what is in it.
    const fd = openSync(staged, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(staged, target);
  }
  // Also where it is there already: whoever put it there may have been killed before it was durable.
  syncDirectory(directory);
  syncDirectory(dirname(directory));
}
