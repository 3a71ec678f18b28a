import { connect } from 'node:net';
import { join } from 'node:path';
import type { Arena } from '../arena.ts';
import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

const MOMENT_MS = 500;

/** Sends rubbish to the API: bytes, broken HTTP, broken and huge JSON, requests that never end. */
export const apiRubbish: Fault = {
  name: 'API: garbage',
  inject: async (arena) => {
    await arena.revive();
    await Promise.all(Array.from({ length: 40 }, () => send(arena, rubbish(arena))));
    return { slots: [], isTold: (events) => tellOf(events, 'supervisor', /requests? .*refused/) };
  },
};

function rubbish(arena: Arena): string | Buffer {
  const post = (body: string, length = Buffer.byteLength(body)) =>
    `POST /v1/fleets/chaos/spawn HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
  return arena.choose([
    () => Buffer.from(Array.from({ length: 512 }, () => arena.number(0, 255))),
    () => 'GET / HTTP/9.9\r\n\r\n',
    () => post('{"target":'),
    () => post(`{"target":1e400,"spec":${'['.repeat(50_000)}`),
    () => post('{}', 2 ** 40),
    () => post(`{"__proto__":{"target":0},"target":-1}`),
    () => post('x'.repeat(2 * 2 ** 20)),
    () => `GET /v1/${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    () => 'DELETE /v1/fleets/%00%ff%2e%2e?purge=true HTTP/1.1\r\nHost: x\r\n\r\n',
  ])();
}

/** Sends bytes and hangs up a moment later, whatever the answer is. */
function send(arena: Arena, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(join(arena.world.runtimeDir, 'fleetd.sock'));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.write(bytes);
    setTimeout(() => socket.destroy(), MOMENT_MS);
  });
}
