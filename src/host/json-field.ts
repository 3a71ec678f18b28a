/** More than this is no answer to such a question. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/**
 * Reads one number of a JSON document: the field of this name, or, where there is none, the one that a path of names
 * with dots leads to.
 * @throws Error that says what came instead
 */
export async function fetchNumber(url: string, field: string, timeoutMs: number): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
  if (!response.ok) {
    // Nobody reads the rest, and until somebody says so its connection stays.
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}`);
  }
  const value = fieldOf(JSON.parse(await textOf(response, url, ANSWER_BYTES_MAX)), field);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Error(`${url} has no number ${field}: ${JSON.stringify(value)?.slice(0, 50)}`);
}

/** Looks a field up in a JSON document, by its whole name first. */
export function fieldOf(document: unknown, field: string): unknown {
  const get = (from: unknown, name: string): unknown =>
    typeof from === 'object' && from !== null && Object.hasOwn(from, name)
      ? (from as Record<string, unknown>)[name]
      : undefined;
  return get(document, field) ?? field.split('.').reduce(get, document);
}

/** The text of an answer. @throws Error for one of more than `bytesMax`, once so much has come */
export async function textOf(response: Response, url: string, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > bytesMax) throw new Error(`${url} answered more than ${bytesMax} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
