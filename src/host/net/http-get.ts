import { request } from 'node:http';
import { type Result, refusal, success } from '../sys/result.ts';
import { pinSocket } from './unix.ts';

/** Where an agent answers: a port at an address, or a socket path of its own. */
export type HttpPlace = { host: string; port: number } | { socket: string };

/** How a request is sent. */
export interface HttpOptions {
  /** The total time, not that between two bytes. */
  timeoutMs: number;
  headers?: Readonly<Record<string, string>>;
}

/** Sends a GET to an agent; see Sockets.get(). A socket is pinned before the request, so that no link misleads. */
export async function httpGet(place: HttpPlace, path: string, options: HttpOptions): Promise<Result<number>> {
  if ('port' in place) return statusOf(place, path, options);
  const file = pinSocket(place.socket);
  if (!file.ok) return refusal(new Error(`${file.error.code} ${place.socket}`));
  return statusOf({ socketPath: file.value.path }, path, options).finally(file.value.unpin);
}

function statusOf(
  place: { host: string; port: number } | { socketPath: string },
  path: string,
  { timeoutMs, headers = {} }: HttpOptions,
): Promise<Result<number>> {
  return new Promise((resolve) => {
    const sent = request({ ...place, path, headers, agent: false }, (response) => {
      response.resume();
      resolve(success(response.statusCode ?? 0));
      sent.destroy();
    });
    // The total time, not that between two bytes: a slow agent must not delay the checks of others.
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    sent.on('close', () => clearTimeout(timer));
    sent.on('error', (error) => resolve(refusal(error)));
    sent.end();
    // What cannot be sent is thrown: a header whose placeholder became a character that no header may have.
  }).catch(refusal) as Promise<Result<number>>;
}
