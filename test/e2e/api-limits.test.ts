import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorDocument } from '../../src/errors/fleet-error.ts';
import { until, World } from './harness.ts';

let world: World;
const sockets: Socket[] = [];
beforeAll(async () => {
  world = new World();
  await world.ok('spawn', '3', '--name', 'web', '--ready', 'after:10ms', '--', 'sleep', '1000');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => world.dispose());

const socketPath = () => join(world.runtimeDir, 'fleetd.sock');

/** A connection that nothing is sent on; it is hung up after the test. */
function open(): Socket {
  const socket = connect(socketPath());
  socket.on('error', () => {}); // Being cut off is what these tests are about.
  sockets.push(socket);
  return socket;
}

/** Sends bytes; gives what came back until the other end hung up. */
async function exchange(bytes: string | Buffer): Promise<string> {
  const socket = open();
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  socket.write(bytes);
  await new Promise((resolve) => socket.on('close', resolve));
  return text;
}

function post(path: string, body: string, headers = 'Content-Type: application/json'): string {
  return `POST ${path} HTTP/1.1\r\nHost: fleetd\r\nConnection: close\r\n${headers}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: fleetd\r\nConnection: close\r\n\r\n`;
}

function errorIn(answer: string): ErrorDocument {
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  return (JSON.parse(body) as { error: ErrorDocument }).error;
}

describe('refuses what is no sound request, says so, and changes nothing', () => {
  const SPAWN = '/v1/fleets/web/spawn';
  test.each<[string, string | Buffer, RegExp]>([
    ['bytes that are no HTTP', Buffer.from([0, 255, 13, 10, 13, 10]), /not valid HTTP/],
    ['an unknown version of HTTP', 'GET / HTTP/9.9\r\n\r\n', /not valid HTTP/],
    ['a head of 100 KB', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, /not valid HTTP/],
    ['no JSON', post(SPAWN, '{"target":'), /JSON/],
    ['JSON nested without end', post(SPAWN, '['.repeat(500_000)), /JSON/],
    ['a body of 2 MB', post(SPAWN, JSON.stringify('x'.repeat(2 * 2 ** 20))), /too large/],
    ['XML', post(SPAWN, '<a/>', 'Content-Type: text/xml'), /Media Type/],
    ['a list', post(SPAWN, '[1]'), /the body: expected a mapping \(target, .*found a list/],
    ['an unknown field', post(SPAWN, '{"targets":3}'), /targets: unknown key; did you mean target\?/],
    [
      'a wrong type',
      post(SPAWN, '{"target":"3"}'),
      /target: expected a whole number from 0 to 1000000, found "3"/,
    ],
    ['a number that is none', post(SPAWN, '{"target":1e999}'), /whole number/],
    ['a prototype', post(SPAWN, '{"__proto__":{"target":0}}'), /not valid JSON/],
    ['a path that leads up', post('/v1/fleets/..%2f..%2fweb/spawn', '{}'), /no fleet/],
    ['a path that is no text', post('/v1/fleets/%ff/spawn', '{}'), /not a valid|no fleet|no operation/],
    ['a path that is nothing', post('/v2/nothing', '{}'), /no operation POST/],
    ['a parameter twice', get('/v1/agents?slots=0&slots=1'), /slots is given more than once/],
    ['an unknown parameter', get('/v1/agents?slot=0'), /slot: unknown key; did you mean slots\?/],
    ['a parameter of a wrong type', get('/v1/events?limit=few'), /limit: expected a whole number .*"few"/],
    ['two ways at once', post('/v1/fleets/web/kill', '{"count":1,"all":true}'), /one of .*count and all/],
    ['several problems', post(SPAWN, '{"target":-1,"baseDir":"."}'), /target: .*\nbaseDir: expected an abs/],
    ['a slot that is none', get('/v1/fleets/web/slots/x/log'), /slot: expected a whole number .*"x"/],
    [
      'another method',
      `DELETE /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      /no operation DELETE/,
    ],
  ])('%s', async (_what, bytes, message) => {
    const error = errorIn(await exchange(bytes));
    expect(error.message).toMatch(message);
    expect(error.exitCode).toBe(2);
    expect(error.hint).not.toBe('');
    expect(await world.fleet()).toMatchObject({ target: 3, ready: 3 });
  });
});

test('tells of a flood of such requests in few events', async () => {
  for (let i = 0; i < 300; i++) await exchange('rubbish\r\n\r\n');
  const told = (await world.events()).filter(({ reason }) => /^API: .* refused/.test(reason));
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(30);
});

test('lets go who sends nothing, or a request that never ends, and serves others meanwhile', async () => {
  const idle = open();
  const slow = open();
  slow.write('POST /v1/fleets/web/spawn HTTP/1.1\r\nHost: x\r\n');
  const dripping = setInterval(() => slow.write('X-A: b\r\n'), 500);
  const half = open();
  half.write(post('/v1/fleets/web/spawn', '{"target":1}').slice(0, -3));
  half.end();
  // A drip after the other side has closed is an error of the socket (EPIPE); `once` of node:events would reject for it.
  const ended = [idle, slow, half].map(
    (socket) => new Promise((resolve) => socket.resume().once('close', resolve)),
  );
  expect(await world.fleet()).toMatchObject({ ready: 3 });
  await Promise.all(ended);
  clearInterval(dripping);
  expect(await world.fleet()).toMatchObject({ target: 3 });
});

test('survives ten thousand connections, and answers as soon as they are gone', async () => {
  const pid = world.supervisorPid();
  for (let i = 0; i < 10_000; i++) {
    open();
    if (i % 100 === 0) await sleep(0);
  }
  // Bounded: most of them were refused, and its agents have the descriptors that they need.
  await world.ok('ps').catch(() => {});
  for (const socket of sockets.splice(0)) socket.destroy();
  await until(() => world.isServed());
  expect(world.supervisorPid()).toBe(pid);
  await until(async () => (await world.events()).some(({ reason }) => /connections at once/.test(reason)));
  await world.ok('spawn', '4');
});

test('keeps a follower that is silent, and is not kept waiting by one that does not read', async () => {
  const silent = open();
  const deaf = open().pause();
  for (const socket of [silent, deaf]) socket.write('GET /v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  let heard = '';
  silent.setEncoding('utf8').on('data', (chunk) => {
    heard += chunk;
  });
  await until(() => heard.includes('ready'));
  await world.ok('spawn', '5');
  await until(() => heard.includes('target 5'));
  expect(deaf.destroyed).toBe(false);
});
