import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { fetchNumber, fieldOf } from '../../src/host/json-field.ts';
import { until } from '../e2e/harness.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** Asks a server that answers so. */
async function ask(listener: RequestListener, timeoutMs = 30_000): Promise<number> {
  const serving = createServer(listener).listen(0, '127.0.0.1');
  server = serving;
  await until(() => serving.listening);
  return fetchNumber(`http://127.0.0.1:${(serving.address() as AddressInfo).port}/`, 'a.b', timeoutMs);
}

test('a field is found by its whole name first, then by a path of names', () => {
  expect(fieldOf({ 'a.b': 1, a: { b: 2 } }, 'a.b')).toBe(1);
  expect(fieldOf({ a: { b: 2 } }, 'a.b')).toBe(2);
  expect(fieldOf({ a: {} }, 'a.constructor')).toBeUndefined();
});

test('a number is read, and nothing else is taken for one', async () => {
  expect(await ask((_, response) => response.end('{"a":{"b":12}}'))).toBe(12);
  await expect(ask((_, response) => response.end('{"a":{"b":"12"}}'))).rejects.toThrow(
    'has no number a.b: "12"',
  );
  await expect(ask((_, response) => response.end('<html>'))).rejects.toThrow('JSON');
});

test('a redirect is not followed, and silence is waited for no longer than asked', async () => {
  await expect(ask((_, response) => response.writeHead(302, { location: '/x' }).end())).rejects.toThrow();
  await expect(ask(() => {}, 200)).rejects.toThrow(/timeout/);
});

test('an answer without end is read no further than its bound, or not at all', async () => {
  for (const [status, said] of [
    [200, 'more than 1048576 bytes'],
    [500, 'answered 500'],
  ] as const) {
    let isOpen = true;
    const endless: RequestListener = (_, response) => {
      response.once('close', () => {
        isOpen = false;
      });
      const more = () => isOpen && response.write('x'.repeat(65_536), () => setImmediate(more));
      response.writeHead(status);
      more();
    };
    await expect(ask(endless)).rejects.toThrow(said);
    await until(() => !isOpen);
  }
});
