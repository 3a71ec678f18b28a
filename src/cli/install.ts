import { isAbsolute, resolve } from 'node:path';
import { FleetError } from '../errors.ts';
import type { Applied } from '../host/install/apply.ts';
import { unifiedDiff } from '../host/install/diff.ts';
import type { FileChange } from '../host/install/files.ts';
import type { Context } from './context.ts';
import { print, printJson, say } from './output.ts';

/** What install or uninstall did, or would do. */
export interface Outcome {
  root: string;
  isDryRun: boolean;
  changes: readonly FileChange[];
  /** Links that enable units, below --root. */
  links: readonly string[];
  applied: readonly Applied[];
  /** What is left to do, in words. */
  left: readonly string[];
}

/** The directory that takes the place of /; absolute. @throws FleetError USAGE for an empty one */
export function installRoot({ options }: Context): string {
  const { root } = options;
  if (root === undefined) return '/';
  if (root === '') throw new FleetError('USAGE', '--root needs a directory.');
  return isAbsolute(root) ? root : resolve(root);
}

/** Whether a file is somebody else's, and was left alone. */
export function isKept({ verdict }: FileChange): boolean {
  return verdict === 'foreign' || verdict === 'edited';
}

/**
 * Shows the differences, then what was done and what is left.
 * @returns the exit code: 1 where a file was left alone or a command failed
 */
export function reportChanges({ json }: Context, outcome: Outcome): number {
  if (json) printJson(documentFor(outcome));
  else printOutcome(outcome);
  const { changes, applied } = outcome;
  return changes.some(isKept) || applied.some(({ problem }) => problem !== null) ? 1 : 0;
}

function documentFor({ isDryRun, changes, ...rest }: Outcome) {
  const files = changes.map(({ path, verdict, before, after }) => ({
    path,
    change: verdict,
    diff: unifiedDiff(path, before, after),
  }));
  return { dryRun: isDryRun, files, ...rest };
}

function printOutcome({ isDryRun, changes, links, applied, left }: Outcome): void {
  const differing = changes.filter(({ verdict }) => verdict !== 'same' && verdict !== 'absent');
  for (const { path, before, after } of differing) print(unifiedDiff(path, before, after));
  for (const path of links) print(`link ${path}`);
  for (const change of differing) say(`${wordFor(change, isDryRun)} ${change.path}${whyKept(change)}`);
  for (const { command, problem } of applied) {
    say(problem === null ? `ran ${command}` : `failed: ${command}: ${problem}`);
  }
  if (differing.length + links.length + applied.length === 0) say('Nothing differs.');
  for (const words of left) say(words);
}

function wordFor(change: FileChange, isDryRun: boolean): string {
  if (isKept(change)) return 'left alone:';
  const word = change.verdict === 'remove' ? 'removed' : 'wrote';
  return isDryRun ? `would have ${word === 'wrote' ? 'written' : word}` : word;
}

function whyKept({ verdict }: FileChange): string {
  if (verdict === 'foreign') return ' (fleetctl did not write it; move it away, then run this again)';
  if (verdict === 'edited') return ' (edited since; keep your changes in a drop-in, and move it away)';
  return '';
}
