import { isAbsolute, resolve } from 'node:path';
import { FleetError } from '../errors/fleet-error.ts';
import type { Applied } from '../host/install/apply.ts';
import { unifiedDiff } from '../host/install/diff.ts';
import type { FileChange } from '../host/install/files.ts';
import type { Context } from './context.ts';
import { print, printJson, printMessage } from './output.ts';

/** What install or uninstall did, or would do in a dry run. */
export interface Outcome {
  root: string;
  isDryRun: boolean;
  changes: readonly FileChange[];
  /** Links that enable units, below --root. */
  links: readonly string[];
  applied: readonly Applied[];
  /** Sentences about what remains to be done. */
  left: readonly string[];
}

/** The absolute path of the directory that replaces /. @throws FleetError USAGE for an empty one */
export function installRoot({ options }: Context): string {
  const { root } = options;
  if (root === undefined) return '/';
  if (root === '') throw new FleetError('USAGE', '--root needs a directory');
  return isAbsolute(root) ? root : resolve(root);
}

/** Whether a file was left unchanged because fleetctl did not write its present content. */
export function isKept({ verdict }: FileChange): boolean {
  return verdict === 'foreign' || verdict === 'edited';
}

/**
 * Prints the differences, then what was done and what remains to be done.
 * @returns the exit code: 1 if a file was left unchanged or a command failed
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
  for (const change of differing)
    printMessage(`${actionOn(change, isDryRun)} ${change.path}${whyKept(change)}`);
  for (const { command, problem } of applied) {
    printMessage(problem === null ? `ran ${command}` : `failed: ${command}: ${problem}`);
  }
  if (differing.length + links.length + applied.length === 0) printMessage('Nothing to change.');
  for (const sentence of left) printMessage(sentence);
}

function actionOn(change: FileChange, isDryRun: boolean): string {
  if (isKept(change)) return 'left unchanged:';
  if (change.verdict === 'remove') return isDryRun ? 'would remove' : 'removed';
  return isDryRun ? 'would write' : 'wrote';
}

function whyKept({ verdict }: FileChange): string {
  if (verdict === 'foreign') return ' (fleetctl did not write it; move it away, then run this command again)';
  if (verdict === 'edited')
    return ' (edited since it was written; move your changes to a drop-in and the file away, then run this command again)';
  return '';
}
