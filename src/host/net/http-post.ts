import { fetchText } from './bounded-fetch.ts';

/** What a receiver says beside its status is read and dropped, up to this size. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** Sends a JSON document; see Sockets.postJson(). */
export async function postJson(url: string, json: string, timeoutMs: number): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const bounds = { msMax: timeoutMs, bytesMax: ANSWER_BYTES_MAX, headers, body: json };
  const { isOk, status } = await fetchText(url, bounds);
  if (!isOk) throw new Error(`${url} answered ${status}`);
}
