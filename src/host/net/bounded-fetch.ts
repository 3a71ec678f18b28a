/** What an answer may cost. */
export interface FetchBounds {
  /** From the first byte sent to the last one read, whatever drips in between. */
  msMax: number;
  /** Of text, once it is unpacked. */
  bytesMax: number;
  headers?: Record<string, string>;
}

/** What came: the status, its headers, and the text; empty where the status is not one of success. */
export interface Fetched {
  status: number;
  isOk: boolean;
  headers: Headers;
  text: string;
}

/**
 * Asks an address for text. Whoever answers is not trusted: redirects are not followed, and an answer that is too long
 * (packed or not) or takes too long is given up; its connection is closed in every case.
 * @throws Error that says what came instead
 */
export async function fetchText(
  url: string,
  { msMax, bytesMax, headers = {} }: FetchBounds,
): Promise<Fetched> {
  const controller = new AbortController();
  // Not AbortSignal.timeout(), which says nothing of how long that was.
  const timer = setTimeout(
    () => controller.abort(new Error(`no whole answer within ${msMax / 1000} s (timeout)`)),
    msMax,
  );
  try {
    const response = await fetch(url, {
      headers: { ...headers, connection: 'close' },
      redirect: 'error',
      signal: controller.signal,
    });
    const text = response.ok ? await textOf(response, url, bytesMax) : '';
    return { status: response.status, isOk: response.ok, headers: response.headers, text };
  } finally {
    clearTimeout(timer);
    // Ends what was not read: until somebody says so, its connection stays.
    controller.abort();
  }
}

/** The text of an answer. @throws Error for one of more than `bytesMax`, once so much has come */
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
