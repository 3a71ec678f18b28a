import { chmodSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { makeDirectory, writeDurable } from '../files/files.ts';
import { hashText } from '../sys/hash.ts';
import { packageFile } from '../sys/package.ts';
import { findBelow, placeBelow } from './places.ts';
import {
  type FileVerdict,
  type InstallFile,
  judgeInstall,
  judgeRemoval,
  renderUnit,
  seal,
  type UnitValues,
} from './plan.ts';

export const UNIT_DIRECTORY = '/etc/systemd/system';
export const SYSCTL_FILE = '/etc/sysctl.d/60-fleetd.conf';
/** The templates in systemd/, under the names that they are installed with. */
const UNIT_FILES = [
  'fleetd.slice',
  'fleetd-agents.service',
  'fleetd.service',
  'fleetd-drain.service',
  'fleetd-watchdog.service',
  'fleetd-watchdog.timer',
  'user-.slice.d/60-fleetd.conf',
] as const;
/** The units that are enabled (they pull in the others), and the target that wants each. */
const ENABLED = { 'fleetd.service': 'multi-user.target', 'fleetd-watchdog.timer': 'timers.target' } as const;

/** A file to write or remove, with its present content. */
export interface FileChange {
  path: string;
  verdict: FileVerdict;
  before: string | null;
  after: string | null;
}

/** Every file of systemd that install writes, rendered. */
export function unitFiles(values: UnitValues): InstallFile[] {
  return UNIT_FILES.map((name) => {
    const template = readFileSync(packageFile(`systemd/${name}`), 'utf8');
    return { path: `${UNIT_DIRECTORY}/${name}`, content: renderUnit(template, values) };
  });
}

/** The directory of this installation's fleetctl and fleetd. */
export function binDirectory(): string {
  return packageFile('bin');
}

/** The changes that installing the files below `root` makes. */
export function planInstall(root: string, files: readonly InstallFile[]): FileChange[] {
  return files.map(({ path, content }) => {
    const before = textBelow(root, path);
    const after = seal(content, hashText);
    return { path, verdict: judgeInstall(before, after, hashText), before, after };
  });
}

/** The changes that removing all of them makes. */
export function planRemoval(root: string): FileChange[] {
  return [...UNIT_FILES.map((name) => `${UNIT_DIRECTORY}/${name}`), SYSCTL_FILE].map((path) => {
    const before = textBelow(root, path);
    return { path, verdict: judgeRemoval(before, hashText), before, after: null };
  });
}

/** The text at a path; null if there is nothing. A link or directory has no text of ours, and so counts as foreign. */
function textBelow(root: string, path: string): string | null {
  const found = findBelow(root, path);
  return found.kind === 'nothing' ? null : found.text;
}

/** Makes the changes to our files; foreign files stay unchanged. */
export function applyChanges(root: string, changes: readonly FileChange[]): void {
  for (const { path, verdict, after } of changes) {
    const place = join(root, path);
    changing(place, () => {
      if (verdict === 'create' || verdict === 'update') write(place, after!);
      if (verdict === 'remove') remove(place);
    });
  }
}

/** @throws FleetError PRIVILEGE_MISSING with the path and the reason if `change` fails */
function changing(path: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    throw new FleetError('PRIVILEGE_MISSING', `${path} cannot be changed: ${(error as Error).message}`, {
      hint: 'Run fleetctl as root, with that file system writable; --root DIR writes below another directory.',
      cause: error,
    });
  }
}

function write(path: string, content: string): void {
  makeDirectory(dirname(path), 0o755);
  writeDurable(path, content, 0o644);
  chmodSync(path, 0o644); // Whatever our umask, because systemd warns of units that others cannot read.
}

/** Removes a file, and with it a directory of a unit's drop-ins that is then empty. */
function remove(path: string): void {
  rmSync(path);
  if (!dirname(path).endsWith('.slice.d')) return;
  try {
    rmdirSync(dirname(path));
  } catch {} // It holds drop-ins of others.
}

/**
 * The missing links that enable the units, below `root`, as `systemctl enable` makes them.
 * @throws FleetError USAGE if something else is in the place of one
 */
export function missingLinks(root: string): string[] {
  return LINKS.filter((link) => {
    if (isMade(root, link)) return false;
    if (findBelow(root, link.path).kind === 'nothing') return true;
    throw new FleetError('USAGE', `${join(root, link.path)} is not the link that enables the unit`, {
      hint: 'fleetctl did not make it; move it away, then run this again.',
    });
  }).map(({ path }) => path);
}

/** Makes the links that enable the units. @param paths as missingLinks() returns them */
export function linkUnits(root: string, paths: readonly string[]): void {
  for (const { path, target } of LINKS.filter((link) => paths.includes(link.path))) {
    changing(join(root, path), () => {
      mkdirSync(dirname(join(root, path)), { recursive: true, mode: 0o755 });
      symlinkSync(target, join(root, path));
    });
  }
}

/** Removes the links to our units. */
export function unlinkUnits(root: string): void {
  for (const link of LINKS) {
    const path = join(root, link.path);
    if (isMade(root, link)) changing(path, () => rmSync(path));
  }
}

interface Link {
  path: string;
  target: string;
}

const LINKS = Object.entries(ENABLED).map(
  ([unit, target]): Link => ({
    path: `${UNIT_DIRECTORY}/${target}.wants/${unit}`,
    target: `${UNIT_DIRECTORY}/${unit}`,
  }),
);

/** Whether a link exists; `systemctl --root` may have made it a relative one. */
function isMade(root: string, { path, target }: Link): boolean {
  const place = placeBelow(root, path);
  if (findBelow(root, path).kind !== 'link') return false;
  return resolve(dirname(path), readlinkSync(place)) === target;
}
