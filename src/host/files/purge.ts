import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isGone } from '../proc/read.ts';
import { runCommand } from '../sys/system-command.ts';

const RM = '/usr/bin/rm';
/** The names of directories set aside, which nothing else of ours has: the former name, and whether their end is decided. */
const ASIDE = /^\.(purging|purged)-(.+)-[0-9a-f]{12}$/;

/** Directories that were moved away, and may return until their deletion is decided. */
export interface Aside {
  /** Whether there was nothing to set aside. */
  readonly isEmpty: boolean;
  /** Deletes them; resolves when they are gone. */
  purge(): Promise<void>;
  /** Moves them back. */
  restore(): void;
}

/**
 * Sets directories aside at once, each next to its path (so on the same file system), so that the paths are free while
 * they are deleted, and no crash leaves half of one in its place.
 * @throws Error if one cannot be moved; then all are where they were
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
  const isEmpty = moved.length === 0;
  return { isEmpty, purge: () => removeAll(moved.splice(0).map(({ to }) => decided(to))), restore };
}

/** Deletes directories for good: they are moved away when this returns, and gone when the promise is kept. */
export async function discard(paths: readonly string[]): Promise<void> {
  await setDirectoriesAside(paths).purge();
}

/**
 * Completes what a killed supervisor had started: decided deletions are completed, others are undone.
 * @param parent the directory in which directories may have been set aside
 * @param isWanted whether the directory of this name must still exist
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

/** Deletes with rm(1), which descends by descriptors, so that no link swapped in can mislead it. */
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

/** @returns the new path: a mounted file system stays in place; null if there is nothing */
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

/** @returns false if something else has the path now */
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
