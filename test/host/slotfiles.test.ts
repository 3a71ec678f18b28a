import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import koffi from 'koffi';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FleetError } from '../../src/errors/fleet-error.ts';
import {
  clearSlots,
  handOver,
  type Owner,
  readySlot,
  type SlotPaths,
} from '../../src/host/files/slot-paths.ts';
import { findListener } from '../../src/host/net/unix.ts';
import { check, libc } from '../../src/host/sys/libc.ts';
import { closeFd } from '../../src/host/sys/pidfd.ts';
import { success } from '../../src/host/sys/result.ts';
import { NOT_ROOT, Scratch } from './processes.ts';

const NOBODY: Owner = { uid: 65534, gid: 65534 };
const DAEMON: Owner = { uid: 1, gid: 1 };
const AF_UNIX = 1;
const SOCK = { stream: 1, datagram: 2 } as const;
const listen = koffi.load('libc.so.6').func('int listen(int fd, int backlog)');

let scratch: Scratch;
let paths: SlotPaths;
let umask: number;
const servers: Server[] = [];
const fds: number[] = [];
beforeEach(() => {
  scratch = new Scratch();
  paths = {
    dir: scratch.path('fleets/web/3'),
    socket: scratch.path('run/web/3/agent.sock'),
    log: scratch.path('logs/web/3.log'),
  };
  umask = process.umask(0o022);
});
afterEach(async () => {
  process.umask(umask);
  for (const server of servers.splice(0)) server.close();
  for (const fd of fds.splice(0)) closeFd(fd);
  await scratch.dispose();
});

const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8);
const ownerOf = (path: string) => lstatSync(path).uid;

/** Binds a socket at the slot's path, of this type; closing it leaves the file. */
function bindSocket(type: number = SOCK.stream): number {
  mkdirSync(dirname(paths.socket), { recursive: true });
  const fd = check('socket', libc.socket(AF_UNIX, type, 0));
  const address = Buffer.alloc(110);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(paths.socket, 2);
  check('bind', libc.bind(fd, address, address.length));
  return fd;
}

function refusal(owner: Owner = null): string {
  try {
    readySlot(paths, owner);
  } catch (error) {
    expect(error).toBeInstanceOf(FleetError);
    expect((error as FleetError).code).toBe('STATE_UNUSABLE');
    return (error as Error).message;
  }
  throw new Error('it was not refused');
}

test('makes a slot’s directories, its own closed to others', () => {
  readySlot(paths, null);
  expect(modeOf(paths.dir)).toBe('700');
  expect(modeOf(dirname(paths.dir))).toBe('755');
  expect(modeOf(dirname(paths.socket))).toBe('755');
  expect(modeOf(dirname(paths.log!))).toBe('700');
  readySlot(paths, null);
});

test('makes no directory for logs that are not files', () => {
  readySlot({ ...paths, log: null }, null);
  expect(existsSync(dirname(paths.log!))).toBe(false);
});

test.skipIf(NOT_ROOT)('gives a slot’s directories to its user, and not those above them', () => {
  readySlot(paths, NOBODY);
  expect([ownerOf(paths.dir), ownerOf(dirname(paths.socket))]).toEqual([65534, 65534]);
  expect([ownerOf(dirname(paths.dir)), ownerOf(dirname(dirname(paths.socket)))]).toEqual([0, 0]);
  expect(modeOf(paths.dir)).toBe('700');
});

test('removes a socket that was left behind', () => {
  closeFd(bindSocket());
  readySlot(paths, null);
  expect(existsSync(paths.socket)).toBe(false);
});

test('refuses a socket that somebody serves, and names who', async () => {
  mkdirSync(dirname(paths.socket), { recursive: true });
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(paths.socket, resolve));
  expect(refusal()).toMatch(`${paths.socket} is in the way: served by pid ${process.pid} (`);
  expect(findListener(paths.socket)).toEqual(success(process.pid));
});

test('refuses a socket of which the server takes no more connections at the moment', () => {
  const fd = bindSocket();
  fds.push(fd);
  listen(fd, 0);
  while (findListener(paths.socket).ok);
  refusal();
  expect(lstatSync(paths.socket).isSocket()).toBe(true);
});

test('refuses a datagram socket that somebody has bound', () => {
  fds.push(bindSocket(SOCK.datagram));
  refusal();
  expect(lstatSync(paths.socket).isSocket()).toBe(true);
});

test('removes a datagram socket that was left behind', () => {
  closeFd(bindSocket(SOCK.datagram));
  readySlot(paths, null);
  expect(existsSync(paths.socket)).toBe(false);
});

test.each([
  ['a file', () => writeFileSync(paths.socket, 'precious')],
  ['a symbolic link', () => symlinkSync('/etc/passwd', paths.socket)],
  ['a symbolic link', () => symlinkSync('/nonexistent', paths.socket)],
  ['a directory', () => mkdirSync(paths.socket)],
])('refuses %s in the place of the socket, and leaves it', (what, put) => {
  mkdirSync(dirname(paths.socket), { recursive: true });
  put();
  const before = lstatSync(paths.socket).ino;
  expect(refusal()).toBe(`${paths.socket} is in the way: ${what}`);
  expect(lstatSync(paths.socket).ino).toBe(before);
});

test.skipIf(NOT_ROOT)('refuses a socket of another user', async () => {
  closeFd(bindSocket());
  chownSync(paths.socket, 1, 1);
  expect(refusal()).toBe(`${paths.socket} is in the way: a socket of uid 1`);
  await handOver(paths, NOBODY);
  expect(refusal(NOBODY)).toBe(`${paths.socket} is in the way: a socket of uid 1`);
  chownSync(paths.socket, 65534, 65534);
  readySlot(paths, NOBODY);
  expect(existsSync(paths.socket)).toBe(false);
});

test.each([
  ['a file', () => writeFileSync(paths.dir, '')],
  ['a symbolic link', () => symlinkSync('/usr', paths.dir)],
])('refuses %s in the place of the state directory', (what, put) => {
  mkdirSync(dirname(paths.dir), { recursive: true });
  put();
  expect(refusal(NOT_ROOT ? null : NOBODY)).toBe(`${paths.dir} is in the way: ${what}`);
  expect(ownerOf('/usr')).toBe(0);
});

test('refuses a link in the place of the socket’s directory', () => {
  mkdirSync(dirname(dirname(paths.socket)), { recursive: true });
  symlinkSync('/usr', dirname(paths.socket));
  expect(refusal()).toBe(`${dirname(paths.socket)} is in the way: a symbolic link`);
});

test.skipIf(NOT_ROOT)('hands a directory over to another user with what the old one had in it', async () => {
  readySlot(paths, NOBODY);
  mkdirSync(`${paths.dir}/deep`);
  writeFileSync(`${paths.dir}/deep/own`, '');
  writeFileSync(scratch.path('precious'), '', { mode: 0o600 });
  linkSync(scratch.path('precious'), `${paths.dir}/hard`);
  symlinkSync(scratch.path('precious'), `${paths.dir}/soft`);
  symlinkSync('/usr', `${paths.dir}/up`);
  for (const name of ['deep', 'deep/own']) chownSync(`${paths.dir}/${name}`, 65534, 65534);
  // Before that is done nothing starts there.
  expect(refusal(DAEMON)).toBe(`${paths.dir} is in the way: it belongs to uid 65534`);
  await handOver(paths, DAEMON);
  readySlot(paths, DAEMON);
  expect(handOver(paths, DAEMON)).toBeNull();
  expect(['', '/deep', '/deep/own'].map((name) => ownerOf(paths.dir + name))).toEqual([1, 1, 1]);
  expect(ownerOf(dirname(paths.socket))).toBe(1);
  // A link, hard or soft, gains its maker nothing.
  expect([ownerOf(scratch.path('precious')), ownerOf('/usr')]).toEqual([0, 0]);
});

test.skipIf(NOT_ROOT)(
  'takes a directory back where its agents are to run as the supervisor’s own user',
  async () => {
    readySlot(paths, NOBODY);
    await handOver(paths, null);
    readySlot(paths, null);
    expect([ownerOf(paths.dir), ownerOf(dirname(paths.socket))]).toEqual([0, 0]);
  },
);

test('takes away what a vacated slot had in the runtime directory, and nothing else', () => {
  readySlot(paths, null);
  closeFd(bindSocket());
  mkdirSync(scratch.path('run/web/4'));
  clearSlots([paths]);
  expect(existsSync(dirname(paths.socket))).toBe(false);
  expect(existsSync(scratch.path('run/web/4'))).toBe(true);
  expect(existsSync(paths.dir)).toBe(true);
  clearSlots([paths]);
});

test('a vacated slot’s links are removed, not followed; what else an agent left stays', () => {
  readySlot(paths, null);
  writeFileSync(scratch.path('precious'), 'as it was');
  symlinkSync(scratch.path('precious'), paths.socket);
  clearSlots([paths]);
  expect(existsSync(paths.socket)).toBe(false);
  expect(readFileSync(scratch.path('precious'), 'utf8')).toBe('as it was');
  readySlot(paths, null);
  mkdirSync(paths.socket);
  writeFileSync(`${dirname(paths.socket)}/other`, '');
  clearSlots([paths]);
  expect(existsSync(paths.socket)).toBe(true);
});
