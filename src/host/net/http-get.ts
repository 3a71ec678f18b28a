import { request } from 'node:http';
import { type Result, refusal, success } from '../sys/result.ts';
import { pinSocket } from './unix.ts';

/** The address of an agent: a port on loopback, or a socket path of its own. */
export type HttpPlace = { port: number } | { socket: string };

/** Sends a GET to an agent; see Sockets.get(). */
export function httpGet(place: HttpPlace, path: string, timeoutMs: number): Promise<Result<number>> {
  return ask('GET', place, path, timeoutMs);
}

/** Sends an empty POST to an agent; see Sockets.post(). */
export function httpPost(place: HttpPlace, path: string, timeoutMs: number): Promise<Result<number>> {
  return ask('POST', place, path, timeoutMs);
}

type Method = 'GET' | 'POST';

/** A socket is pinned before the request, so that no link misleads. */
async function ask(
  method: Method,
  place: HttpPlace,
  path: string,
  timeoutMs: number,
): Promise<Result<number>> {
  if ('port' in place) return statusOf({ method, host: '127.0.0.1', port: place.port }, path, timeoutMs);
  const file = pinSocket(place.socket);
  if (!file.ok) return refusal(new Error(`${file.error.code} ${place.socket}`));
  return statusOf({ method, socketPath: file.value.path }, path, timeoutMs).finally(file.value.unpin);
}

function statusOf(
  place: { method: Method } & ({ host: string; port: number } | { socketPath: string }),
  path: string,
  timeoutMs: number,
): Promise<Result<number>> {
  return new Promise((resolve) => {
    const sent = request({ ...place, path, agent: false }, (response) => {
      response.resume();
      resolve(success(response.statusCode ?? 0));
      sent.destroy();
    });
    // The total time, not that between two bytes: a slow agent must not delay the checks of others.
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    sent.on('close', () => clearTimeout(timer));
    sent.on('error', (error) => resolve(refusal(error)));
    sent.end();
  });
}
