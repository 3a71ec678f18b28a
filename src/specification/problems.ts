import { FleetError } from '../errors.ts';

/** One thing that is wrong with a document: where, and what. */
export interface Problem {
  /** As in `ports.base` or `command[2]`; empty for the document as a whole. */
  path: string;
  text: string;
}

/** A message names at most so many problems: a hostile document must not fill a terminal or a log. */
export const PROBLEMS_SHOWN_MAX = 100;
const TEXT_SHOWN_MAX = 60;
/** Nobody mistypes a key of this length; the distance to it is not worth its quadratic cost. */
const KEY_COMPARED_MAX = 40;

/** Gives a value as people see it in an error: scalars as written, cut at 60 characters; the rest by its kind. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? JSON.stringify(cut(value)) : String(value);
}

/** Gives the path of a key or of an item below `path`. */
export function below(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  // A key that is not a plain word may hold line breaks or escapes of a terminal: it is shown as JSON has it.
  const shown = /^[\w-]{1,60}$/.test(key) ? key : show(key);
  return path === '' ? shown : `${path}.${shown}`;
}

/** Gives the one of `known` that `word` was probably meant to be, or null when none is near. */
export function nearest(word: string, known: Iterable<string>): string | null {
  if (word.length > KEY_COMPARED_MAX) return null;
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.ceil(word.length / 2)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Throws FleetError SPEC_INVALID with one line a problem, or returns if there is none. */
export function refuseIfAny(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new FleetError('SPEC_INVALID', describeProblems(problems, 'the spec'));
}

/** Gives one line a problem; `whole` is what the document is called where the problem is about all of it. */
export function describeProblems(problems: readonly Problem[], whole: string): string {
  const lines = problems
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map(({ path, text }) => `${path === '' ? whole : path}: ${text}`);
  if (problems.length > lines.length) lines.push('… and more');
  return lines.join('\n');
}

function cut(text: string): string {
  return text.length <= TEXT_SHOWN_MAX ? text : `${text.slice(0, TEXT_SHOWN_MAX)}…`;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
