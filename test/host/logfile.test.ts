import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { boundLog, readLog, readLogEnd } from '../../src/host/logfile.ts';
import { until } from '../e2e/harness.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
let path: string;
beforeEach(() => {
  scratch = new Scratch();
  path = scratch.path('3.log');
});
afterEach(() => scratch.dispose());

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('');
const size = (file: string) => (existsSync(file) ? statSync(file).size : 0);

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
  test('leaves a log alone that is within half of it', () => {
    writeFileSync(path, 'x'.repeat(500));
    boundLog(path, 1000);
    expect(size(path)).toBe(500);
    expect(existsSync(`${path}.1`)).toBe(false);
    boundLog(scratch.path('missing'), 1000);
  });

  test('keeps the newest half, and both parts within the whole', () => {
    writeFileSync(path, lines(0, 1000));
    boundLog(path, 1000);
    expect(size(path)).toBe(0);
    expect(size(`${path}.1`)).toBe(500);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe(lines(0, 1000).slice(-500));
    for (let i = 0; i < 10; i++) {
      appendFileSync(path, lines(1000 + 100 * i, 1100 + 100 * i));
      boundLog(path, 1000);
      expect(size(path) + size(`${path}.1`)).toBeLessThanOrEqual(1000);
    }
  });

  test('lets a writer go on at the new start', async () => {
    writeFileSync(scratch.path('go'), '');
    scratch.start('echo one; while [ -e go ]; do sleep 0.01; done; echo two; exec sleep 1000', {
      output: { path },
    });
    await until(() => size(path) > 0);
    boundLog(path, 2);
    expect(size(path)).toBe(0);
    await until(() => {
      if (existsSync(scratch.path('go'))) scratch.start('rm go');
      return size(path) > 0;
    });
    expect(readFileSync(path, 'utf8')).toBe('two\n');
  });

  test('follows no link', () => {
    writeFileSync(scratch.path('precious'), 'x'.repeat(2000));
    symlinkSync(scratch.path('precious'), path);
    expect(() => boundLog(path, 1000)).toThrow('ELOOP');
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
    boundLog(path, 200);
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
    boundLog(path, 400);
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

test('says what it cannot read', () => {
  mkdirSync(path);
  expect(() => readLogEnd(path, 10)).toThrow();
});
