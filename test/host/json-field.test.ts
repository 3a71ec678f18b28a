import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { fetchNumber, fieldOf } from '../../src/host/net/json-field.ts';
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

/** Answers with pieces, each as soon as the other end takes it, until that hangs up; tells how much it sent. */
function endless(piece: Buffer, headers: Record<string, string> = {}, pauseMs = 0) {
  const sent = { bytes: 0, isOpen: true };
  const listener: RequestListener = (_, response) => {
    response.once('close', () => {
      sent.isOpen = false;
    });
    const more = () => {
      if (!sent.isOpen) return;
      sent.bytes += piece.length;
      response.write(piece, () => (pauseMs > 0 ? setTimeout(more, pauseMs) : setImmediate(more)));
    };
    response.writeHead(200, headers);
    more();
  };
  return { sent, listener };
}

test('an answer that drips is given up when its time is over, however lively it is', async () => {
  const { sent, listener } = endless(Buffer.from(' '), {}, 20);
  await expect(ask(listener, 300)).rejects.toThrow('no complete answer within 0.3 s');
  await until(() => !sent.isOpen);
});

test('headers that drip are given up as well', async () => {
  const serving = createTcpServer((socket) => {
    socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('X-A: b\r\n'), 20);
    socket.once('close', () => clearInterval(timer));
  }).listen(0, '127.0.0.1');
  await until(() => serving.listening);
  const { port } = serving.address() as AddressInfo;
  await expect(fetchNumber(`http://127.0.0.1:${port}/`, 'a', 300)).rejects.toThrow('no complete answer');
  serving.close();
});

test.each(['gzip', 'gzip, gzip'])(
  'an answer that unpacks without end (%s) is unpacked no further than its bound',
  async (encoding) => {
    let bomb = gzipSync(Buffer.alloc(256 * 2 ** 20));
    if (encoding !== 'gzip') bomb = gzipSync(bomb);
    const before = process.memoryUsage().arrayBuffers;
    const listener: RequestListener = (_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bomb);
    await expect(ask(listener)).rejects.toThrow('more than 1048576 bytes');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
  },
);

test('JSON that is nested without end is no number, and ends nothing', async () => {
  const deep = (depth: number) => `{"a":{"b":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
  for (const depth of [1_000, 500_000])
    await expect(ask((_, response) => response.end(deep(depth)))).rejects.toThrow(/a list|stack|JSON/);
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
