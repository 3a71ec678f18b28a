import {
  appendFileSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Logs } from '../../src/host/files/logs.ts';
import { until } from '../e2e/harness.ts';
import { NOT_ROOT, Scratch } from './processes.ts';

let scratch: Scratch;
let path: string;
let logs: Logs;
beforeEach(() => {
  logs = new Logs();
  scratch = new Scratch();
  path = scratch.path('3.log');
});
afterEach(() => scratch.dispose());

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('');
const size = (file: string) => (existsSync(file) ? statSync(file).size : 0);

const boundLog = (log: string, maxBytes: number, keep = 1) => logs.bound(log, { maxBytes, keep });
const readLog = (log: string, count: number, isFollowed: boolean, signal: AbortSignal) =>
  logs.read(log, count, isFollowed, signal);
const readLogEnd = (log: string, bytes: number) => logs.readEnd(log, { from: 0, to: null, bytes });

async function readAll(count: number): Promise<string> {
  let text = '';
  for await (const part of readLog(path, count, false, new AbortController().signal)) text += part;
  return text;
}

/** Follows the log until `stop` is called. */
function follow(count: number) {
  const controller = new AbortController();
  const seen = { text: '', ended: false, stop: () => controller.abort() };
  void (async () => {
    for await (const part of readLog(path, count, true, controller.signal)) seen.text += part;
    seen.ended = true;
  })();
  return seen;
}

describe('a bound', () => {
  test('leaves a log alone that is within half of it', async () => {
    writeFileSync(path, 'x'.repeat(500));
    await boundLog(path, 1000);
    expect(size(path)).toBe(500);
    expect(existsSync(`${path}.1`)).toBe(false);
    await boundLog(scratch.path('missing'), 1000);
  });

  test('keeps the newest half, and both parts within the whole', async () => {
    writeFileSync(path, lines(0, 1000));
    await boundLog(path, 1000);
    expect(size(path)).toBe(0);
    expect(size(`${path}.1`)).toBe(500);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe(lines(0, 1000).slice(-500));
    for (let i = 0; i < 10; i++) {
      appendFileSync(path, lines(1000 + 100 * i, 1100 + 100 * i));
      await boundLog(path, 1000);
      expect(size(path) + size(`${path}.1`)).toBeLessThanOrEqual(1000);
    }
  });

  test('keeps as many older parts as are wanted, each within half of it', async () => {
    for (let i = 0; i < 6; i++) {
      appendFileSync(path, lines(100 * i, 100 * (i + 1)));
      await boundLog(path, 1000, 3);
    }
    const parts = [1, 2, 3].map((number) => readFileSync(`${path}.${number}`, 'utf8'));
    expect(parts).toEqual(
      [lines(500, 600), lines(400, 500), lines(300, 400)].map((part) => part.slice(-500)),
    );
    expect(existsSync(`${path}.4`)).toBe(false);
    expect(await readAll(100_000)).toBe(parts.toReversed().join(''));
    appendFileSync(path, lines(600, 700));
    await boundLog(path, 1000, 1);
    expect([1, 2, 3].map((number) => existsSync(`${path}.${number}`))).toEqual([true, false, false]);
  });

  test('counts what was lost where the newest half could not be kept', async () => {
    writeFileSync(path, lines(0, 100));
    await boundLog(path, 400);
    mkdirSync(`${path}.new`);
    appendFileSync(path, lines(100, 200));
    await expect(boundLog(path, 400)).rejects.toThrow('EISDIR');
    rmSync(`${path}.new`, { recursive: true });
    appendFileSync(path, 'after\n');
    const begin = logs.fileBegin(path);
    expect(begin).toBe(lines(0, 200).length);
    // What is gone is not what stands before it in the older part.
    expect(logs.readEnd(path, { from: begin - 10, to: null, bytes: 100 })).toBe('after\n');
  });

  test('lets a writer go on at the new start', async () => {
    writeFileSync(scratch.path('go'), '');
    scratch.start('echo one; while [ -e go ]; do sleep 0.01; done; echo two; exec sleep 1000', {
      output: { path },
    });
    await until(() => size(path) > 0);
    await boundLog(path, 2);
    expect(size(path)).toBe(0);
    await until(() => {
      if (existsSync(scratch.path('go'))) scratch.start('rm go');
      return size(path) > 0;
    });
    expect(readFileSync(path, 'utf8')).toBe('two\n');
  });

  test('follows no link', async () => {
    writeFileSync(scratch.path('precious'), 'x'.repeat(2000));
    symlinkSync(scratch.path('precious'), path);
    await expect(boundLog(path, 1000)).rejects.toThrow('is a symbolic link, not a regular file');
    expect(size(scratch.path('precious'))).toBe(2000);
  });
});

describe('the last lines', () => {
  test.each([
    [0, ''],
    [1, 'c\n'],
    [2, 'b\nc\n'],
    [3, 'a\nb\nc\n'],
    [100, 'a\nb\nc\n'],
  ])('%i of them', async (count, expected) => {
    writeFileSync(path, 'a\nb\nc\n');
    expect(await readAll(count)).toBe(expected);
  });

  test('include one that is not finished', async () => {
    writeFileSync(path, 'a\nb\nhalf');
    expect(await readAll(2)).toBe('b\nhalf');
  });

  test('reach back into the older part', async () => {
    writeFileSync(`${path}.1`, 'a\nb\n');
    writeFileSync(path, 'c\n');
    expect(await readAll(2)).toBe('b\nc\n');
  });

  test('are none where there is no log', async () => {
    expect(await readAll(10)).toBe('');
    expect(readLogEnd(path, 100)).toBe('');
  });

  test('are kept as bytes, whatever they are', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x0a, 0xfe, 0x0a]);
    writeFileSync(path, bytes);
    const parts: Buffer[] = [];
    for await (const part of readLog(path, 1, false, new AbortController().signal)) parts.push(part);
    expect(Buffer.concat(parts)).toEqual(bytes.subarray(4));
  });

  test('of a sample are cut to its size', () => {
    writeFileSync(path, lines(0, 100));
    expect(readLogEnd(path, 8)).toBe('line 99\n');
  });
});

describe('following', () => {
  test('shows what is added, also to a log that begins later', async () => {
    const seen = follow(10);
    writeFileSync(path, 'a\n');
    await until(() => seen.text === 'a\n');
    appendFileSync(path, 'b\n');
    await until(() => seen.text === 'a\nb\n');
    seen.stop();
    await until(() => seen.ended);
  });

  test('goes on from the new start of a log that was cut', async () => {
    writeFileSync(path, lines(0, 100));
    const seen = follow(1);
    await until(() => seen.text === 'line 99\n');
    await boundLog(path, 200);
    appendFileSync(path, 'after\n');
    await until(() => seen.text.endsWith('after\n'));
    expect(seen.text).toBe('line 99\nafter\n');
    seen.stop();
    await until(() => seen.ended);
  });

  test('loses no line that was written just before a cut', async () => {
    writeFileSync(path, lines(0, 100));
    const seen = follow(1);
    await until(() => seen.text === 'line 99\n');
    // In one turn of the loop, so that no look falls between them.
    appendFileSync(path, lines(100, 110));
    await boundLog(path, 400);
    appendFileSync(path, 'after\n');
    await until(() => seen.text.endsWith('after\n'));
    seen.stop();
    expect(seen.text).toBe(`line 99\n${lines(100, 110)}after\n`);
  });

  test('shows a flood whole', async () => {
    writeFileSync(path, '');
    const seen = follow(1);
    const flood = lines(0, 50_000);
    appendFileSync(path, flood);
    await until(() => seen.text.length >= flood.length);
    expect(seen.text).toBe(flood);
    seen.stop();
    await until(() => seen.ended);
  });
});

describe('a log of gigabytes, or one that claims to have them', () => {
  const GIB = 2 ** 30;
  const CHUNK_BYTES = 64 * 1024;

  /** What is read of a log, without its runs of NULs, and the largest piece of it. */
  async function readParts(parts: AsyncIterable<Buffer>) {
    const seen = { text: '', bytes: 0, largest: 0 };
    for await (const part of parts) {
      seen.largest = Math.max(seen.largest, part.length);
      seen.bytes += part.length;
      seen.text += part.toString().replaceAll('\0', '');
    }
    return seen;
  }

  test('has its last lines read from its end, in pieces', async () => {
    writeFileSync(path, '');
    truncateSync(path, 2 * GIB);
    appendFileSync(path, '\na\nb\n');
    const { text, bytes } = await readParts(readLog(path, 2, false, new AbortController().signal));
    expect([text, bytes]).toEqual(['a\nb\n', 4]);
  });

  test('is looked through for lines within a bound, and what is left out is told', async () => {
    writeFileSync(path, 'a\n');
    truncateSync(path, 2 * GIB);
    const seen = await readParts(readLog(path, 5, false, new AbortController().signal));
    expect(seen.text).toBe(`[fleetd: ${2 * GIB - 16 * 2 ** 20} bytes omitted here]\n`);
    expect(seen.bytes).toBeLessThan(17 * 2 ** 20);
    expect(seen.largest).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  test('is followed in pieces; a jump ahead is told', async () => {
    writeFileSync(path, 'begun\n');
    const controller = new AbortController();
    const seen: Buffer[] = [];
    const ended = (async () => {
      for await (const part of readLog(path, 10, true, controller.signal)) seen.push(part);
    })();
    const text = () => Buffer.concat(seen).toString().replaceAll('\0', '');
    await until(() => text() === 'begun\n');
    truncateSync(path, 2 * GIB);
    await until(() => text().endsWith('here]\n'));
    appendFileSync(path, 'on\n');
    await until(() => text().endsWith('on\n'));
    controller.abort();
    await ended;
    const jump = 2 * GIB - 2 ** 20 - 'begun\n'.length;
    expect(text()).toBe(`begun\n[fleetd: ${jump} bytes omitted here]\non\n`);
    expect(Math.max(...seen.map(({ length }) => length))).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  test('is kept within its bound while others have their turns', async () => {
    writeFileSync(path, Buffer.alloc(64 * 2 ** 20, 'x'));
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    count();
    await boundLog(path, 64 * 2 ** 20);
    isDone = true;
    expect([size(path), size(`${path}.1`)]).toEqual([0, 32 * 2 ** 20]);
    // A turn a piece at least: it was never held up for more.
    expect(turns).toBeGreaterThanOrEqual(32 * 16);
  });
});

test('a log that its agent empties itself is read on, and nothing is shown twice', async () => {
  writeFileSync(`${path}.1`, 'old\n');
  writeFileSync(path, 'new\n');
  const seen = follow(1);
  await until(() => seen.text === 'new\n');
  truncateSync(path);
  appendFileSync(path, 'on\n');
  await until(() => seen.text.endsWith('on\n'));
  seen.stop();
  expect(seen.text).toBe('new\non\n');
});

describe('positions', () => {
  test('stay what they are through cuts, and count what an agent has thrown away', async () => {
    writeFileSync(path, lines(0, 100));
    const at = logs.look(path)!.end;
    await boundLog(path, 1000);
    expect(logs.look(path)).toMatchObject({ end: at, size: 0, emptied: 0 });
    appendFileSync(path, 'abc\n');
    expect(logs.readEnd(path, { from: at, to: null, bytes: 100 })).toBe('abc\n');
    expect(logs.readEnd(path, { from: at - 8, to: at, bytes: 100 })).toBe('line 99\n');
    expect(logs.look(path)!.end).toBe(at + 4);
    truncateSync(path);
    appendFileSync(path, 'd\n');
    expect(logs.look(path)).toMatchObject({ end: at + 4 + 2, size: 2, emptied: 1 });
    expect(logs.readEnd(path, { from: at, to: null, bytes: 100 })).toBe('d\n');
  });

  test('move on where a log is written anew at the same size', async () => {
    writeFileSync(path, 'one\n');
    const { end } = logs.look(path)!;
    expect(logs.look(path)).toMatchObject({ end, emptied: 0 });
    const { mtimeMs } = statSync(path);
    await until(() => {
      writeFileSync(path, 'two\n');
      return statSync(path).mtimeMs !== mtimeMs;
    });
    expect(logs.look(path)).toMatchObject({ end: end + 4, emptied: 1 });
  });

  test('are forgotten with the directory', async () => {
    writeFileSync(path, lines(0, 100));
    await boundLog(path, 400);
    expect(logs.fileBegin(path)).toBeGreaterThan(0);
    logs.forget(scratch.root);
    expect(logs.fileBegin(path)).toBe(0);
  });
});

describe('a log that its agent empties or overwrites', () => {
  const save = () => logs.save(path, { maxBytes: 1000, keep: 1 });

  test('is saved to its older part, which stays within its bound', async () => {
    writeFileSync(`${path}.1`, 'older\n');
    for (let i = 0; i < 200; i++) {
      writeFileSync(path, `line ${i}\n`);
      await save();
      expect(size(`${path}.1`)).toBeLessThanOrEqual(500);
    }
    expect(size(path)).toBe(0);
    expect((await readAll(20)).endsWith('line 198\nline 199\n')).toBe(true);
    expect(size(`${path}.1`)).toBeGreaterThanOrEqual(250);
  });

  test('loses its hole, whatever that claims to be', async () => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
    appendFileSync(path, 'data\n');
    expect(logs.look(path)!.isSparse).toBe(true);
    expect(await readAll(10)).toContain('data\n');
    await save();
    expect([size(path), readFileSync(`${path}.1`, 'utf8').replaceAll('\0', '')]).toEqual([0, 'data\n']);
  });
});

describe('before a start', () => {
  test('a log stays as it is, and its output begins at its end', () => {
    expect(logs.begin(path, null, 1)).toBe(0);
    writeFileSync(path, 'before\n');
    expect(logs.begin(path, null, 1)).toBe(7);
    expect(readFileSync(path, 'utf8')).toBe('before\n');
  });

  test('a log with another name is set aside: who has that name would see what follows', () => {
    writeFileSync(path, 'before\n');
    linkSync(path, scratch.path('elsewhere'));
    expect(logs.begin(path, null, 1)).toBe(7);
    expect([existsSync(path), readFileSync(`${path}.1`, 'utf8')]).toEqual([false, 'before\n']);
  });

  test.skipIf(NOT_ROOT)('a log of another user is set aside', () => {
    writeFileSync(path, 'before\n');
    chownSync(path, 12_345, 12_345);
    expect(logs.begin(path, { uid: 12_345, gid: 12_345 }, 1)).toBe(7);
    expect(existsSync(path)).toBe(true);
    logs.begin(path, { uid: 12_346, gid: 12_346 }, 1);
    expect([existsSync(path), existsSync(`${path}.1`)]).toEqual([false, true]);
  });
});

test('what was put in the place of a log is neither followed nor waited for', async () => {
  writeFileSync(path, 'a\n');
  const reading = readLog(path, 1, true, new AbortController().signal);
  expect((await reading.next()).value?.toString()).toBe('a\n');
  writeFileSync(scratch.path('precious'), 'secret\n');
  rmSync(path);
  symlinkSync(scratch.path('precious'), path);
  await expect(reading.next()).rejects.toThrow('is a symbolic link, not a regular file');
  rmSync(path);
  scratch.start(`mkfifo ${path}`);
  await until(() => existsSync(path));
  expect(() => readLogEnd(path, 10)).toThrow('is a special file (FIFO), not a regular file');
  await expect(readAll(1)).rejects.toThrow('is a special file (FIFO), not a regular file');
});

test('says what it cannot read', () => {
  mkdirSync(path);
  expect(() => readLogEnd(path, 10)).toThrow();
});
