import { fetchText } from './bounded-fetch.ts';

/** The maximum size of an answer. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** The length that is shown of a value that is not a number. */
const WORDS_MAX = 50;

/**
 * Reads one number of a JSON document: the field of this name or, if there is none, the one at the end of a path of names
 * with dots.
 * @throws Error that describes what came instead
 */
export async function fetchNumber(url: string, field: string, timeoutMs: number): Promise<number> {
  const { isOk, status, text } = await fetchText(url, { msMax: timeoutMs, bytesMax: ANSWER_BYTES_MAX });
  if (!isOk) throw new Error(`${url} answered ${status}`);
  const value = fieldOf(JSON.parse(text), field);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Error(`${url} has no number ${field}: ${describe(value)}`);
}

/** Describes a value that is not a number; a nested one may be too deep for JSON.stringify() and its stack. */
function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return String(JSON.stringify(value)).slice(0, WORDS_MAX);
}

/** Finds a field in a JSON document, first by its whole name. */
export function fieldOf(document: unknown, field: string): unknown {
  const get = (from: unknown, name: string): unknown =>
    typeof from === 'object' && from !== null && Object.hasOwn(from, name)
      ? (from as Record<string, unknown>)[name]
      : undefined;
  return get(document, field) ?? field.split('.').reduce(get, document);
}
