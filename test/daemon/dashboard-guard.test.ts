import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { newToken, refuse } from '../../src/daemon/dashboard/guard.ts';

const TOKEN = newToken();

function ask(given: { token?: string; method?: string; host?: string; origin?: string }): number | null {
  const { token = TOKEN, method = 'GET', host = '127.0.0.1:9955', origin } = given;
  const headers = { host, ...(origin !== undefined && { origin }) };
  const url = new URL(`http://localhost/stream?token=${encodeURIComponent(token)}`);
  return refuse({ method, headers } as IncomingMessage, url, TOKEN)?.status ?? null;
}

describe('the dashboard lets nobody pass', () => {
  test('without the token, or with another one, whatever its length', () => {
    expect(ask({})).toBeNull();
    for (const token of ['', 'x', TOKEN.slice(1), `${TOKEN}x`, newToken()]) expect(ask({ token })).toBe(401);
    const plain = { method: 'GET', headers: { host: 'localhost' } } as IncomingMessage;
    expect(refuse(plain, new URL('http://localhost/'), TOKEN)?.status).toBe(401);
    expect(refuse(plain, null, TOKEN)?.status).toBe(401);
  });

  test('with the token, under a name that is not this host’s', () => {
    for (const host of ['localhost', 'localhost:8080', '127.0.0.1', '[::1]:9955'])
      expect(ask({ host })).toBeNull();
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example:9955',
      '10.0.0.1',
      '',
    ])
      expect(ask({ host })).toBe(403);
  });

  test('with the token, from another page', () => {
    expect(ask({ origin: 'http://127.0.0.1:9955' })).toBeNull();
    for (const origin of ['http://evil.example', 'http://127.0.0.1:1', 'https://127.0.0.1:9955', 'null'])
      expect(ask({ origin })).toBe(403);
  });

  test('to change anything', () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])
      expect(ask({ method })).toBe(405);
  });

  test('by guessing: tokens have 256 bits', () => {
    expect(Buffer.from(TOKEN, 'base64url')).toHaveLength(32);
    expect(newToken()).not.toBe(TOKEN);
  });
});
