import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import koffi from 'koffi';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findListener, journalIsThere, NotifySocket, openJournal } from '../../src/host/net/unix.ts';
import { check, libc } from '../../src/host/sys/libc.ts';
import { closeFd, reapPid } from '../../src/host/sys/pidfd.ts';
import { success } from '../../src/host/sys/result.ts';
import { until } from '../e2e/harness.ts';
import { Scratch } from './processes.ts';

const AF_UNIX = 1;
const SOCK = { stream: 1, datagram: 2 } as const;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const c = koffi.load('libc.so.6');
const listen = c.func('int listen(int fd, int backlog)');
const send = c.func('long send(int fd, void *data, ulong length, int flags)');
const sendmsg = c.func('long sendmsg(int fd, void *message, int flags)');

let scratch: Scratch;
let servers: Server[];
let fds: number[];
beforeEach(() => {
  scratch = new Scratch();
  servers = [];
  fds = [];
});
afterEach(async () => {
  for (const server of servers) server.close();
  for (const fd of fds) closeFd(fd);
  await scratch.dispose();
});

function address(path: string): Buffer {
  const bytes = Buffer.alloc(110);
  bytes.writeUInt16LE(AF_UNIX, 0);
  bytes.write(path, 2);
  return bytes;
}

/** A socket that is closed after the test. */
function socket(type: number): number {
  const fd = check('socket', libc.socket(AF_UNIX, type, 0));
  fds.push(fd);
  return fd;
}

function bind(fd: number, path: string): void {
  check('bind', libc.bind(fd, address(path), 110));
}

async function serve(path: string, onConnection: (socket: Socket) => void = () => {}): Promise<Server> {
  const server = createServer(onConnection);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

const openFds = () => readdirSync('/proc/self/fd').length;

describe('who listens at a path', () => {
  test('is told by its pid', async () => {
    await serve(scratch.path('s'));
    expect(findListener(scratch.path('s'))).toEqual(success(process.pid));
  });

  test('is nobody where there is no socket, a file, or one that was left behind', async () => {
    expect(findListener(scratch.path('s'))).toMatchObject({ ok: false, error: { code: 'ENOENT' } });
    writeFileSync(scratch.path('file'), '');
    expect(findListener(scratch.path('file'))).toMatchObject({ ok: false, error: { code: 'ECONNREFUSED' } });
    const fd = check('socket', libc.socket(AF_UNIX, SOCK.stream, 0));
    bind(fd, scratch.path('left'));
    expect(findListener(scratch.path('left'))).toMatchObject({ ok: false, error: { code: 'ECONNREFUSED' } });
    closeFd(fd);
    expect(findListener(scratch.path('left'))).toMatchObject({ ok: false, error: { code: 'ECONNREFUSED' } });
  });

  test('is asked at a path itself: no link leads to somebody else’s socket', async () => {
    await serve(scratch.path('s'));
    symlinkSync(scratch.path('s'), scratch.path('link'));
    expect(findListener(scratch.path('link'))).toMatchObject({ ok: false, error: { code: 'ELOOP' } });
  });

  test('is asked without waiting where the queue of connections is full', () => {
    const fd = socket(SOCK.stream);
    bind(fd, scratch.path('s'));
    listen(fd, 0);
    const answers = Array.from({ length: 3 }, () => findListener(scratch.path('s')));
    expect(answers[0]).toEqual(success(process.pid));
    expect(answers[2]).toMatchObject({ ok: false, error: { code: 'EAGAIN' } });
  });

  test('takes a path of 107 bytes', async () => {
    const path = scratch.path('x'.repeat(107 - scratch.path('x').length + 1));
    expect(Buffer.byteLength(path)).toBe(107);
    await serve(path);
    expect(findListener(path)).toEqual(success(process.pid));
  });

  test('leaves no descriptor open', async () => {
    await serve(scratch.path('s'));
    findListener(scratch.path('s'));
    const before = openFds();
    for (let i = 0; i < 50; i++) {
      findListener(scratch.path('missing'));
      findListener(scratch.path('s'));
    }
    // What the server side has accepted meanwhile is its own.
    expect(openFds()).toBeLessThanOrEqual(before + 1);
  });
});

describe('the notify socket', () => {
  let notify: NotifySocket;
  beforeEach(() => {
    notify = new NotifySocket(scratch.path('notify'));
  });
  afterEach(() => notify.close());

  function sender(): number {
    const fd = socket(SOCK.datagram);
    check('connect', libc.connect(fd, address(scratch.path('notify')), 110));
    return fd;
  }

  function say(fd: number, text: string): number {
    const data = Buffer.from(text);
    return Number(send(fd, data, data.length, 0));
  }

  /** Sends a datagram with descriptors attached, as a sender may who wants ours to run out. */
  function sayWithDescriptors(fd: number, text: string, attached: readonly number[]): void {
    const data = Buffer.from(text);
    const control = Buffer.alloc(16 + Math.ceil((attached.length * 4) / 8) * 8);
    control.writeBigUInt64LE(BigInt(16 + attached.length * 4), 0);
    control.writeInt32LE(SOL_SOCKET, 8);
    control.writeInt32LE(SCM_RIGHTS, 12);
    for (const [i, each] of attached.entries()) control.writeInt32LE(each, 16 + i * 4);
    const vector = Buffer.alloc(16);
    vector.writeBigUInt64LE(BigInt(koffi.address(data)), 0);
    vector.writeBigUInt64LE(BigInt(data.length), 8);
    const message = Buffer.alloc(56);
    message.writeBigUInt64LE(BigInt(koffi.address(vector)), 16);
    message.writeBigUInt64LE(1n, 24);
    message.writeBigUInt64LE(BigInt(koffi.address(control)), 32);
    message.writeBigUInt64LE(BigInt(control.length), 40);
    check('sendmsg', Number(sendmsg(fd, message, 0)));
  }

  test('tells what was said and who said it', () => {
    expect(notify.receive()).toBeNull();
    const fd = sender();
    say(fd, 'READY=1\nSTATUS=süß');
    say(fd, '');
    expect(notify.receive()).toEqual({ pid: process.pid, text: 'READY=1\nSTATUS=süß' });
    expect(notify.receive()).toEqual({ pid: process.pid, text: '' });
    expect(notify.receive()).toBeNull();
  });

  test('takes in no descriptor that a sender attaches', () => {
    const fd = sender();
    sayWithDescriptors(fd, 'warm up', [0]);
    notify.receive();
    const before = openFds();
    for (let i = 0; i < 20; i++) {
      sayWithDescriptors(fd, `READY=1 ${i}`, Array(100).fill(0));
      expect(notify.receive()).toEqual({ pid: process.pid, text: `READY=1 ${i}` });
    }
    expect(openFds()).toBe(before);
  });

  test('cuts off what is longer than any sane message, and goes on with the next', () => {
    const fd = sender();
    say(fd, 'a'.repeat(4096));
    say(fd, 'b'.repeat(100_000));
    say(fd, 'READY=1');
    expect(notify.receive()?.text).toBe('a'.repeat(4096));
    expect(notify.receive()?.text).toBe('b'.repeat(4096));
    expect(notify.receive()?.text).toBe('READY=1');
  });

  test('takes any bytes', () => {
    const fd = sender();
    const data = Buffer.from([0xff, 0x00, 0xc3, 0x0a, 0x3d]);
    send(fd, data, data.length, 0);
    expect(notify.receive()?.text).toHaveLength(5);
  });

  test('refuses a path that is in use', () => {
    const before = openFds();
    expect(() => new NotifySocket(scratch.path('notify'))).toThrow('EADDRINUSE');
    expect(openFds()).toBe(before);
  });
});

describe('a stream to journald', () => {
  const HEADER = 'web/7\n\n6\n1\n0\n0\n0\n';

  test('begins with who it is, and then takes an agent’s output', async () => {
    let received = '';
    await serve(scratch.path('stdout'), (connection) => connection.on('data', (data) => (received += data)));
    const fd = openJournal('web/7', scratch.path('stdout'));
    const pid = scratch.start('echo out; echo error >&2', { output: { fd } });
    closeFd(fd);
    reapPid(pid);
    const whole = `${HEADER}out\nerror\n`;
    await until(() => received.length >= whole.length);
    expect(received).toBe(whole);
  });

  test('is refused where nobody answers, and leaves no descriptor', () => {
    const before = openFds();
    expect(() => openJournal('web/7', scratch.path('missing'))).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    expect(openFds()).toBe(before);
  });

  test('does not hang where journald takes no connection', () => {
    const fd = socket(SOCK.stream);
    bind(fd, scratch.path('stdout'));
    listen(fd, 0);
    const taken: number[] = [];
    const open = () => taken.push(openJournal('web/7', scratch.path('stdout')));
    try {
      expect(() => {
        for (let i = 0; i < 3; i++) open();
      }).toThrow('EAGAIN');
    } finally {
      for (const each of taken) closeFd(each);
    }
  });

  test('is there only where its socket is one', async () => {
    expect(journalIsThere(scratch.path('stdout'))).toBe(false);
    writeFileSync(scratch.path('stdout'), '');
    expect(journalIsThere(scratch.path('stdout'))).toBe(false);
    await serve(scratch.path('other'));
    expect(journalIsThere(scratch.path('other'))).toBe(true);
  });
});
