/** The bounds of an answer. */
export interface FetchBounds {
  /** From the first byte sent to the last one read, however slowly it comes. */
  msMax: number;
  /** The size of the text, unpacked. */
  bytesMax: number;
  headers?: Record<string, string>;
  /** Sent by POST; absent: a GET. */
  body?: string;
}

/** An answer: the status, its headers, and the text; empty unless the status is a success. */
export interface Fetched {
  status: number;
  isOk: boolean;
  headers: Headers;
  text: string;
}

/**
 * Fetches text from a URL. The server is not trusted: redirects are not followed, and an answer that is too long (packed
 * or not) or too slow is abandoned; its connection is closed in every case.
 * @throws Error that describes what came instead
 */
export async function fetchText(
  url: string,
  { msMax, bytesMax, headers = {}, body }: FetchBounds,
): Promise<Fetched> {
  const controller = new AbortController();
  // Not AbortSignal.timeout(), whose error does not name the time.
  const timer = setTimeout(
    () => controller.abort(new Error(`no complete answer within ${msMax / 1000} s (timeout)`)),
    msMax,
  );
  try {
    const response = await fetch(url, {
      ...(body !== undefined && { method: 'POST', body }),
      headers: { ...headers, connection: 'close' },
      redirect: 'error',
      signal: controller.signal,
    });
    const text = response.ok ? await textOf(response, url, bytesMax) : '';
    return { status: response.status, isOk: response.ok, headers: response.headers, text };
  } finally {
    clearTimeout(timer);
    // Ends what was not read: otherwise its connection stays.
    controller.abort();
  }
}

/** The text of an answer. @throws Error if it exceeds `bytesMax`, as soon as that has arrived */
async function textOf(response: Response, url: string, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > bytesMax) throw new Error(`${url} answered more than ${bytesMax} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
