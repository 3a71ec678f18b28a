import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { boundConnections } from '../../src/daemon/http/connections.ts';
import { until } from '../e2e/harness.ts';

const MAX = 4;
/** More than the kernel keeps for one that does not read. */
const LARGE_BYTES = 64 * 2 ** 20;

let server: Server;
let closed = 0;
const clients: Client[] = [];
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  server.close();
  server.closeAllConnections();
  closed = 0;
});

interface Client {
  socket: Socket;
  heard: string;
}

const answers: RequestListener = ({ url }, response) => {
  if (url === '/follow') response.write('begun');
  else response.end(url === '/large' ? Buffer.alloc(LARGE_BYTES) : 'done');
};

async function serve(): Promise<void> {
  server = createServer(answers).listen(0, '127.0.0.1');
  boundConnections(server, MAX, () => closed++);
  await until(() => server.listening);
}

async function open(): Promise<Client> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const client: Client = { socket, heard: '' };
  socket.setEncoding('utf8').on('error', () => {});
  clients.push(client);
  await new Promise((resolve) => socket.once('connect', resolve));
  return client;
}

/** Opens a connection and says something on it. */
async function say(text: string): Promise<Client> {
  const client = await open();
  client.socket.on('data', (chunk) => {
    client.heard += String(chunk);
  });
  client.socket.write(text);
  return client;
}

const GET = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const isClosed = ({ socket }: Client) => socket.closed || socket.destroyed;
const heard = (client: Client, text: string) => until(() => client.heard.includes(text));

describe('beyond the bound', () => {
  test.each([
    ['asks nothing', ''],
    ['asks half of something', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['owes the rest of a body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx'],
    ['has its answer', GET('/')],
  ])('who %s for longest is closed', async (_what, text) => {
    await serve();
    const idle: Client[] = [];
    for (let i = 0; i < MAX; i++) {
      idle.push(await say(text));
      if (text.endsWith('\r\n\r\n')) await heard(idle.at(-1)!, 'done');
    }
    await heard(await say(GET('/')), 'done');
    await until(() => isClosed(idle[0]!));
    expect(idle.slice(1).map(isClosed)).toEqual([false, false, false]);
    expect(closed).toBe(1);
  });

  test('who follows stays, whoever comes', async () => {
    await serve();
    const followers: Client[] = [];
    for (let i = 0; i < MAX - 1; i++) followers.push(await say(GET('/follow')));
    for (const follower of followers) await heard(follower, 'begun');
    const others: Client[] = [];
    for (let i = 0; i < 20; i++) others.push(await say(''));
    await until(() => others.filter(isClosed).length === 19);
    await heard(await say(GET('/')), 'done');
    expect(followers.some(isClosed)).toBe(false);
  });

  test('where all are served, the newest is closed', async () => {
    await serve();
    for (let i = 0; i < MAX; i++) await heard(await say(GET('/follow')), 'begun');
    const late = await say('');
    await until(() => isClosed(late));
    expect(clients.filter(isClosed)).toEqual([late]);
  });

  test('who does not read the answer makes room for one who asks', async () => {
    await serve();
    const deaf: Client[] = [];
    for (let i = 0; i < MAX; i++) {
      const client = await open();
      client.socket.write(GET('/large'));
      deaf.push(client);
    }
    await heard(await say(GET('/')), 'done');
    expect(closed).toBe(1);
    for (const { socket } of deaf) socket.resume();
    await until(() => deaf.filter(isClosed).length === 1);
  });
});
