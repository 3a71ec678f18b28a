import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Why a request gets no answer. */
export interface Refusal {
  status: number;
  message: string;
}

const TOKEN_BYTES = 32;
/** Whatever the port: over SSH the page is behind another one. */
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

/** A token that nobody can guess: 256 random bits. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/**
 * Judges a request before anything else looks at it; null lets it pass. A browser names the host of the URL that it
 * was given in Host: a foreign name there means that somebody's DNS points here (rebinding). It names the page that a
 * request comes from in Origin; only our own may ask.
 */
export function refuse({ method, headers }: IncomingMessage, url: URL | null, token: string): Refusal | null {
  if (!url || !isSame(url.searchParams.get('token') ?? '', token))
    return {
      status: 401,
      message: 'The token is missing or wrong: fleetctl dashboard prints the URL with it.',
    };
  if (!LOOPBACK_HOST.test(headers.host ?? ''))
    return { status: 403, message: 'Open the page at 127.0.0.1 or localhost.' };
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`)
    return { status: 403, message: 'Another page may not ask.' };
  if (method !== 'GET') return { status: 405, message: 'Everything here is for reading only.' };
  return null;
}

/** In the same time wherever the texts differ, and whatever their lengths. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
