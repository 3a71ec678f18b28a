import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { postJson } from '../../src/host/net/http-post.ts';
import { until } from '../e2e/harness.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** Sends a document to a server that answers so. */
async function send(listener: RequestListener, timeoutMs = 30_000): Promise<void> {
  const serving = createServer(listener).listen(0, '127.0.0.1');
  server = serving;
  await until(() => serving.listening);
  return postJson(`http://127.0.0.1:${(serving.address() as AddressInfo).port}/x`, '{"a":1}', timeoutMs);
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

test('the document arrives by POST, as JSON; any success is an answer', async () => {
  const got: unknown[] = [];
  await send(async (request, response) => {
    got.push(request.method, request.url, request.headers['content-type'], await textOf(request));
    response.writeHead(204).end();
  });
  expect(got).toEqual(['POST', '/x', 'application/json', '{"a":1}']);
});

test.each<[string, RequestListener, RegExp]>([
  ['a refusal', (_, response) => response.writeHead(503).end('later'), /answered 503$/],
  ['a redirect', (_, response) => response.writeHead(302, { location: '/y' }).end(), /fetch failed/],
  [
    'too long an answer',
    (_, response) => response.end('x'.repeat(100_000)),
    /answered more than 65536 bytes/,
  ],
])('%s is a failure', async (_, listener, expected) => {
  await expect(send(listener)).rejects.toThrow(expected);
});

test('silence is waited for no longer than asked', async () => {
  await expect(send(() => {}, 200)).rejects.toThrow(/timeout/);
});
