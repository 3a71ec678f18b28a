import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Logs } from '../../src/host/files/logs.ts';
import { until } from '../e2e/harness.ts';
import { NOT_ROOT, Scratch } from './processes.ts';

const PYTHON = '/usr/bin/python3';

let scratch: Scratch;
let path: string;
let logs: Logs;
beforeEach(() => {
  scratch = new Scratch();
  path = scratch.path('3.log');
  logs = new Logs();
});
afterEach(() => scratch.dispose());

/** Writes a line a step, each time that the test makes the file `go`, to what it has as stdout. */
const WRITER = `echo begun; i=0; while :; do until [ -e go ]; do sleep 0.01; done; rm go; i=$((i+1)); echo line $i; done`;
const find = (pid: number, known: string | null = null) =>
  logs.find(pid, 1, { path, known, bytesMax: 1_000 });
const idOf = (file: string) => logs.look(file)!.id;

async function started(script = WRITER, changes = {}): Promise<number> {
  const pid = scratch.start(script, { output: { path }, ...changes });
  await until(() => existsSync(path) && statSync(path).size > 0);
  return pid;
}

/** Lets the writer write its next line. */
async function go(): Promise<void> {
  writeFileSync(scratch.path('go'), '');
  await until(() => !existsSync(scratch.path('go')));
}

async function untilLogged(line: string): Promise<void> {
  await until(() => existsSync(path) && readFileSync(path, 'utf8').includes(line));
}

describe('a log that was moved', () => {
  test('is where it was, as long as it was not', async () => {
    expect(await find(await started())).toEqual({ kind: 'here' });
  });

  test.each(['3.log.1', '3.log-20261129'])(
    'to %s gets its name back; that name gets a copy',
    async (name) => {
      const pid = await started();
      renameSync(path, scratch.path(name));
      await go();
      expect(await find(pid)).toEqual({ kind: 'back', from: scratch.path(name), isCopied: true });
      await go();
      await untilLogged('line 2');
      expect(readFileSync(path, 'utf8')).toBe('line 2\n');
      expect(readFileSync(scratch.path(name), 'utf8')).toBe('begun\nline 1\n');
      expect(await find(pid)).toEqual({ kind: 'here' });
    },
  );

  test('takes the place of an empty one, as logrotate makes it', async () => {
    const pid = await started();
    renameSync(path, `${path}.1`);
    writeFileSync(path, '');
    expect(await find(pid)).toMatchObject({ kind: 'back' });
    await go();
    await untilLogged('line 1');
  });

  test('does not take the place of anything else', async () => {
    const pid = await started();
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'of somebody\n');
    expect(await find(pid)).toEqual({ kind: 'blocked', name: `${path}.1` });
    expect(readFileSync(path, 'utf8')).toBe('of somebody\n');
  });

  test('to another directory keeps the second name, if it was seen as the log before', async () => {
    const pid = await started();
    const known = idOf(path);
    mkdirSync(scratch.path('old'));
    renameSync(path, scratch.path('old/3.log'));
    expect(await find(pid)).toEqual({ kind: 'elsewhere' });
    expect(await find(pid, known)).toEqual({
      kind: 'back',
      from: scratch.path('old/3.log'),
      isCopied: false,
    });
    expect(idOf(path)).toBe(known);
  });
});

describe('a log that was deleted', () => {
  test('is fetched to its place, for as long as that is where the output goes', async () => {
    const pid = await started(
      `echo begun; until [ -e go ]; do sleep 0.01; done; echo more; rm go; until [ -e go ]; do sleep 0.01; done; rm go; exec >other; exec sleep 1000`,
    );
    rmSync(path);
    const its = await find(pid);
    expect(its).toMatchObject({ kind: 'deleted' });
    const { id } = its as { id: string };
    const fetch = () => logs.fetchDeleted(pid, 1, { id, path, bytesMax: 1_000 });
    expect(await fetch()).toBe(true);
    await go();
    expect(await fetch()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('begun\nmore\n');
    expect(await fetch()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('begun\nmore\n');
    await go();
    await until(() => existsSync(scratch.path('other')));
    expect(await fetch()).toBe(false);
  });

  test('is never another file that has taken its place', async () => {
    const pid = await started(
      `echo begun; until [ -e go ]; do sleep 0.01; done; exec >precious; rm go; exec sleep 1000`,
    );
    rmSync(path);
    const { id } = (await find(pid)) as { id: string };
    await go();
    writeFileSync(scratch.path('precious'), 'precious\n');
    expect(await logs.fetchDeleted(pid, 1, { id, path, bytesMax: 1_000 })).toBe(false);
    rmSync(scratch.path('precious'));
    expect(await logs.fetchDeleted(pid, 1, { id, path, bytesMax: 1_000 })).toBe(false);
  });
});

describe('what an agent itself has chosen as its output', () => {
  test.each(['>other', '>/dev/null', '>&-', '</dev/zero >&0'])('%s is left alone', async (redirected) => {
    const pid = await started(`echo begun; exec ${redirected}; touch done; exec sleep 1000`);
    await until(() => existsSync(scratch.path('done')));
    rmSync(path);
    expect(await find(pid)).toEqual({ kind: 'elsewhere' });
    expect(existsSync(path)).toBe(false);
  });

  test('is not taken for the log, even if that has a second name there', async () => {
    writeFileSync(scratch.path('own'), 'own\n');
    const pid = await started(
      'echo begun; mkdir sub; ln own sub/own; exec >>sub/own; touch done; exec sleep 1000',
    );
    await until(() => existsSync(scratch.path('done')));
    expect(await find(pid, idOf(path))).toEqual({ kind: 'elsewhere' });
  });
});

describe('what is open of a log', () => {
  const OVERWRITER = `exec 3<>/dev/stdout; echo begun >&3; (until [ -e go ]; do sleep 0.01; done; rm go; echo end >&3; exec sleep 1000) & wait`;

  test('without O_APPEND gets it, in all that an agent has forked', async () => {
    const pid = await started(OVERWRITER);
    appendFileSync(path, 'more of others than was there before\n');
    expect(logs.makeAppending(pid, path)).toBeGreaterThanOrEqual(1);
    await go();
    await untilLogged('end');
    expect(readFileSync(path, 'utf8')).toBe('begun\nmore of others than was there before\nend\n');
    expect(logs.makeAppending(pid, path)).toBe(0);
  });

  test('is nothing of another file', async () => {
    const pid = await started('exec 3<>other; echo begun; exec sleep 1000');
    expect(logs.makeAppending(pid, path)).toBe(0);
    expect(logs.makeAppending(pid, scratch.path('missing'))).toBe(0);
  });
});

describe.skipIf(NOT_ROOT)('an output of another user', () => {
  const USER = { uid: 12_345, gid: 12_346, groups: [] };

  test('can be opened again, as a pipe can', async () => {
    scratch.start('echo out; echo err >>/dev/stderr; echo again >>/dev/stdout; exec sleep 1000', {
      output: { log: path },
      user: USER,
      cwd: '/',
    });
    await untilLogged('again');
    expect(readFileSync(path, 'utf8')).toBe('out\nerr\nagain\n');
    expect(statSync(path)).toMatchObject({ uid: 12_345, gid: 12_346, mode: 0o100640 });
  });

  test('is nothing but a log that becomes its own', async () => {
    const before = statSync('/dev/null');
    scratch.start(`exec sleep 1000`, { output: { path: '/dev/null' }, user: USER, cwd: '/' });
    const file = scratch.path('file');
    scratch.start('echo out; exec sleep 1000', { output: { path: file }, user: USER, cwd: '/' });
    await until(() => existsSync(file) && statSync(file).size > 0);
    expect(statSync('/dev/null')).toMatchObject({ uid: before.uid, gid: before.gid });
    expect(statSync(file).uid).toBe(0);
  });

  test.skipIf(!existsSync(PYTHON))('cannot hold up a cut by a lease', async () => {
    // Whoever else opens the file waits until the lease is given up, or for 45 s (F_SETLEASE in fcntl(2)).
    const lease = `import fcntl, os, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open('/dev/stdout', os.O_RDWR)
os.write(fd, b'x' * 2000)
for other in (1, 2): os.close(other)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
open('leased', 'w').close()
time.sleep(1000)`;
    chmodSync(scratch.root, 0o777);
    scratch.start('', { path: PYTHON, argv: ['python3', '-c', lease], output: { log: path }, user: USER });
    await until(() => existsSync(scratch.path('leased')));
    await expect(logs.bound(path, { maxBytes: 1_000, keep: 1 })).rejects.toThrow('EAGAIN');
  });
});

test('stderr has a log of its own where one is wanted', async () => {
  const errors = scratch.path('3.err.log');
  scratch.start('echo out; echo err >&2; exec sleep 1000', { output: { log: path, errors } });
  await until(() => existsSync(errors) && statSync(errors).size > 0);
  expect([readFileSync(path, 'utf8'), readFileSync(errors, 'utf8')]).toEqual(['out\n', 'err\n']);
});

test('a second name of a log in our own directory is not where it was moved to', async () => {
  const pid = await started();
  linkSync(path, `${path}.second`);
  expect(await find(pid)).toEqual({ kind: 'here' });
});
