import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isGone } from '../proc/read.ts';
import { runCommand } from '../sys/system-command.ts';

const RM = '/usr/bin/rm';
/** What is set aside has a name that nothing of ours has, and tells what it was and whether that has been decided. */
const ASIDE = /^\.(purging|purged)-(.+)-[0-9a-f]{12}$/;

/** Directories that are out of the way, and may come back until it is decided that they go. */
export interface Aside {
  /** Deletes them; answers when they are gone. */
  purge(): Promise<void>;
  /** Puts them back where they were. */
  restore(): void;
}

/**
 * Sets directories aside at once, each beside where it was (so on the same file system), so that their places are free
 * while they are deleted, and no crash leaves half of one in its place.
 * @throws Error where one cannot be moved; all are where they were then
 */
export function setDirectoriesAside(paths: readonly string[]): Aside {
  const moved: { from: string; to: string }[] = [];
  const restore = () => {
    for (const { from, to } of moved.splice(0)) if (to !== from) renameSync(to, from);
  };
  try {
    for (const from of paths) {
      const to = move(from, asideName(from, 'purging'));
      if (to !== null) moved.push({ from, to });
    }
  } catch (error) {
    restore();
    throw error;
  }
  return { purge: () => removeAll(moved.splice(0).map(({ to }) => decided(to))), restore };
}

/** Deletes directories for good: they are out of their places when this returns, and gone when the promise is kept. */
export async function discard(paths: readonly string[]): Promise<void> {
  await setDirectoriesAside(paths).purge();
}

/**
 * Finishes what a supervisor that was killed had begun: what was decided is deleted, what was not comes back.
 * @param parent where directories may have been set aside
 * @param isWanted whether what had this name is still to be there
 */
export async function finishPurges(parent: string, isWanted: (name: string) => boolean): Promise<void> {
  const left: string[] = [];
  for (const name of listNames(parent)) {
    const [, state, was] = ASIDE.exec(name) ?? [];
    if (was === undefined) continue;
    const isBack = state === 'purging' && isWanted(was) && putBack(`${parent}/${name}`, `${parent}/${was}`);
    if (!isBack) left.push(`${parent}/${name}`);
  }
  await removeAll(left);
}

/** By rm(1), which goes down by descriptors, so that no link swapped in can lead it astray. */
async function removeAll(paths: readonly string[]): Promise<void> {
  if (paths.length > 0) await runCommand(RM, ['-rf', '--one-file-system', '--', ...paths]);
}

function asideName(path: string, state: 'purging' | 'purged'): string {
  return `${dirname(path)}/.${state}-${basename(path)}-${randomBytes(6).toString('hex')}`;
}

function decided(path: string): string {
  const to = path.replace('/.purging-', '/.purged-');
  if (to !== path) renameSync(path, to);
  return to;
}

/** @returns where it is now: a file system of its own stays where it is mounted; null where there is nothing */
function move(from: string, to: string): string | null {
  try {
    renameSync(from, to);
    return to;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') return from;
    if (code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns false where something else has the place by now */
function putBack(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
