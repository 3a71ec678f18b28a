import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clientOf } from '../../src/cli/client.ts';

const AWAY = { code: 'SUPERVISOR_AWAY', message: expect.stringContaining('does not answer') };
const ANSWER_MS_MAX = 300;
const DRIP_MS = 20;
/** More than any queue of a listener that asked for one. */
const CALLERS = 50;

let root: string;
const cleanups: (() => void)[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'client-'));
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
  rmSync(root, { recursive: true, force: true });
});

/** Listens at a socket, and does with each connection as told. @returns its path */
async function listen(serve: (socket: Socket) => void): Promise<string> {
  const path = join(root, 'api.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    serve(socket);
  }).listen(path);
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  return path;
}

const ask = (path: string) => clientOf(path).call('status', {}, undefined, { answerMsMax: ANSWER_MS_MAX });

test('a socket that accepts and never answers is given up', async () => {
  await expect(ask(await listen(() => {}))).rejects.toMatchObject(AWAY);
});

test('so is one that answers a byte at a time, in its head or in its body', async () => {
  for (const head of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n']) {
    const path = await listen((socket) => {
      socket.write(head || 'HTTP/1.1 200 OK\r\nX: ');
      const drip = setInterval(() => socket.write('1'), DRIP_MS);
      socket.on('close', () => clearInterval(drip));
    });
    await expect(ask(path)).rejects.toMatchObject(AWAY);
    for (const cleanup of cleanups.splice(0)) cleanup();
  }
});

test('so is one whose queue is full, because nobody accepts', async () => {
  const path = join(root, 'api.sock');
  const script = `process.getBuiltinModule('node:net').createServer().listen({ path: process.argv[1], backlog: 1 },
    () => { console.log('listens'); process.kill(process.pid, 'SIGSTOP'); })`;
  const listener = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => void listener.kill('SIGKILL'));
  await once(listener.stdout, 'data');
  for (let i = 0; i < CALLERS; i++) {
    const caller = connect(path).on('error', () => {});
    cleanups.push(() => void caller.destroy());
  }
  await expect(ask(path)).rejects.toMatchObject(AWAY);
});
