import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Why a request is refused. */
export interface Refusal {
  status: number;
  message: string;
}

const TOKEN_BYTES = 32;
/** With any port: over SSH the page is behind another one. */
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

/** A token that cannot be guessed: 256 random bits. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/**
 * Judges a request before anything else; null accepts it. A browser names the host of its URL in Host: a foreign name
 * there means that a DNS name of others points here (rebinding). It names the page that a request comes from in Origin;
 * only our own may ask.
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
    return { status: 403, message: 'Requests from other pages are refused.' };
  if (method !== 'GET') return { status: 405, message: 'This page is read-only.' };
  return null;
}

/** Compares in constant time, whatever the texts and their lengths. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
