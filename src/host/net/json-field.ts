import { fetchText } from './bounded-fetch.ts';

/** More than this is no answer to such a question. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** So much is shown of what is no number. */
const WORDS_MAX = 50;

/**
 * Reads one number of a JSON document: the field of this name, or, where there is none, the one that a path of names
 * with dots leads to.
 * @throws Error that says what came instead
 */
export async function fetchNumber(url: string, field: string, timeoutMs: number): Promise<number> {
  const { isOk, status, text } = await fetchText(url, { msMax: timeoutMs, bytesMax: ANSWER_BYTES_MAX });
  if (!isOk) throw new Error(`${url} answered ${status}`);
  const value = fieldOf(JSON.parse(text), field);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Error(`${url} has no number ${field}: ${describe(value)}`);
}

/** What is no number, in a few words; what is nested may be so deep that JSON.stringify() has no stack for it. */
function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return String(JSON.stringify(value)).slice(0, WORDS_MAX);
}

/** Looks a field up in a JSON document, by its whole name first. */
export function fieldOf(document: unknown, field: string): unknown {
  const get = (from: unknown, name: string): unknown =>
    typeof from === 'object' && from !== null && Object.hasOwn(from, name)
      ? (from as Record<string, unknown>)[name]
      : undefined;
  return get(document, field) ?? field.split('.').reduce(get, document);
}
