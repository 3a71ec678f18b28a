import { chmodSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FleetError } from '../../errors/fleet-error.ts';
import { makeDirectory, writeDurable } from '../files/files.ts';
import { hashText } from '../sys/hash.ts';
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
/** The templates in systemd/; their names are those that they are installed under. */
const UNIT_FILES = [
  'fleetd.slice',
  'fleetd-agents.service',
  'fleetd.service',
  'fleetd-drain.service',
  'fleetd-watchdog.service',
  'fleetd-watchdog.timer',
  'user-.slice.d/60-fleetd.conf',
] as const;
/** What is enabled (the others are pulled in by these), and the target that wants it. */
const ENABLED = { 'fleetd.service': 'multi-user.target', 'fleetd-watchdog.timer': 'timers.target' } as const;

/** A file that is to be there, or to go, and what is there now. */
export interface FileChange {
  path: string;
  verdict: FileVerdict;
  before: string | null;
  after: string | null;
}

/** Every file of systemd that install writes, rendered. */
export function unitFiles(values: UnitValues): InstallFile[] {
  return UNIT_FILES.map((name) => {
    const template = readFileSync(
      fileURLToPath(new URL(`../../../systemd/${name}`, import.meta.url)),
      'utf8',
    );
    return { path: `${UNIT_DIRECTORY}/${name}`, content: renderUnit(template, values) };
  });
}

/** The directory of this installation's fleetctl and fleetd. */
export function binDirectory(): string {
  return fileURLToPath(new URL('../../../bin', import.meta.url));
}

/** What putting the files below `root` in place would change. */
export function planInstall(root: string, files: readonly InstallFile[]): FileChange[] {
  return files.map(({ path, content }) => {
    const before = textBelow(root, path);
    const after = seal(content, hashText);
    return { path, verdict: judgeInstall(before, after, hashText), before, after };
  });
}

/** What taking all of them away would change. */
export function planRemoval(root: string): FileChange[] {
  return [...UNIT_FILES.map((name) => `${UNIT_DIRECTORY}/${name}`), SYSCTL_FILE].map((path) => {
    const before = textBelow(root, path);
    return { path, verdict: judgeRemoval(before, hashText), before, after: null };
  });
}

/** What stands at a path; a link or directory has no text of ours, and so is somebody else's. Null for nothing. */
function textBelow(root: string, path: string): string | null {
  const found = findBelow(root, path);
  return found.kind === 'nothing' ? null : found.text;
}

/** Carries out what is ours to do; a file of somebody else stays as it is. */
export function applyChanges(root: string, changes: readonly FileChange[]): void {
  for (const { path, verdict, after } of changes) {
    const place = join(root, path);
    changing(place, () => {
      if (verdict === 'create' || verdict === 'update') write(place, after!);
      if (verdict === 'remove') remove(place);
    });
  }
}

/** @throws FleetError PRIVILEGE_MISSING with the path and the reason where `change` fails */
function changing(path: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    throw new FleetError('PRIVILEGE_MISSING', `${path} cannot be changed: ${(error as Error).message}`, {
      hint: 'Run it as root, with that file system writable; --root DIR writes below another directory.',
      cause: error,
    });
  }
}

function write(path: string, content: string): void {
  makeDirectory(dirname(path), 0o755);
  writeDurable(path, content, 0o644);
  chmodSync(path, 0o644); // Whatever our umask: systemd warns of units that others cannot read.
}

/** A directory of a unit's drop-ins that is empty then goes with it. */
function remove(path: string): void {
  rmSync(path);
  if (!dirname(path).endsWith('.slice.d')) return;
  try {
    rmdirSync(dirname(path));
  } catch {} // Others have drop-ins there.
}

/**
 * The links that enable the units, below `root`, as `systemctl enable` makes them; those that are missing.
 * @throws FleetError USAGE where something else is in the place of one
 */
export function missingLinks(root: string): string[] {
  return LINKS.filter((link) => {
    if (isMade(root, link)) return false;
    if (findBelow(root, link.path).kind === 'nothing') return true;
    throw new FleetError('USAGE', `${join(root, link.path)} is not the link that enables the unit.`, {
      hint: 'fleetctl did not make it; move it away, then run this again.',
    });
  }).map(({ path }) => path);
}

/** Makes the links that enable the units. @param paths as missingLinks() gives them */
export function linkUnits(root: string, paths: readonly string[]): void {
  for (const { path, target } of LINKS.filter((link) => paths.includes(link.path))) {
    changing(join(root, path), () => {
      mkdirSync(dirname(join(root, path)), { recursive: true, mode: 0o755 });
      symlinkSync(target, join(root, path));
    });
  }
}

/** Takes the links to our units away. */
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

/** Whether a link is there; `systemctl --root` may have made it a relative one. */
function isMade(root: string, { path, target }: Link): boolean {
  const place = placeBelow(root, path);
  if (findBelow(root, path).kind !== 'link') return false;
  return resolve(dirname(path), readlinkSync(place)) === target;
}
