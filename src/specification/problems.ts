import { FleetError } from '../errors/fleet-error.ts';

/** One problem of a document: where, and what. */
export interface Problem {
  /** As in `ports.base` or `command[2]`; empty for the document as a whole. */
  path: string;
  text: string;
}

/** The maximum number of problems in a message: a hostile document must not fill a terminal or a log. */
export const PROBLEMS_SHOWN_MAX = 100;
/** Their maximum length together, in characters. */
const PROBLEMS_LENGTH_MAX = 8_000;
/** The maximum number of names in a message, which is one line. */
const NAMES_SHOWN_MAX = 8;
const TEXT_SHOWN_MAX = 60;
/** The maximum length of a key for which a similar one is looked for, because the distance takes quadratic time. */
const KEY_COMPARED_MAX = 40;

/** Shows a value in an error: a scalar as written, cut at 60 characters; anything else by its kind. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? JSON.stringify(cut(value)) : String(value);
}

/** Returns the path of a key or an item below `path`. */
export function below(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  // A key that is not a plain word may hold line breaks or terminal escapes, so it is shown as JSON.
  const shown = /^[\w-]{1,60}$/.test(key) ? key : show(key);
  return path === '' ? shown : `${path}.${shown}`;
}

/** Returns the item of `known` that is most similar to `word`; null if none is similar. */
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

/** Names for a message: all of a few, of more the first and how many there are besides. */
export function listSome(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN_MAX;
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Returns if there is no problem. @throws FleetError SPEC_INVALID with one line per problem */
export function refuseIfAny(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new FleetError('SPEC_INVALID', describeProblems(problems, 'the spec'));
}

/** Gives one line a problem; `whole` is what the document is called where the problem is about all of it. */
export function describeProblems(problems: readonly Problem[], whole: string): string {
  const lines: string[] = [];
  let length = 0;
  for (const { path, text } of problems.slice(0, PROBLEMS_SHOWN_MAX)) {
    const line = `${path === '' ? whole : path}: ${text}`;
    length += line.length;
    if (length > PROBLEMS_LENGTH_MAX && lines.length > 0) break;
    lines.push(line);
  }
  if (problems.length > lines.length) lines.push('… and more');
  return lines.join('\n');
}

function cut(text: string): string {
  return text.length <= TEXT_SHOWN_MAX ? text : `${text.slice(0, TEXT_SHOWN_MAX)}…`;
}

/** The Levenshtein distance, computed row by row. */
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
