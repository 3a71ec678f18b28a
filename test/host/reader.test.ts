import { readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Reader } from '../../src/host/files/reader.ts';
import { readStat } from '../../src/host/proc/stat.ts';
import { readExecutable } from '../../src/host/strays/find.ts';
import { hashText } from '../../src/host/sys/hash.ts';
import type { ReadProblem } from '../../src/host/sys/read-problem.ts';
import { until } from '../e2e/harness.ts';
import { canHang, HungMount } from './hung.ts';
import { Scratch, untilNamed } from './processes.ts';

/** Long enough for whatever answers at all. */
const LONG_MS = 60_000;
const KIB = 1024;

let scratch: Scratch;
let reader: Reader;
let hung: HungMount | null;
beforeEach(() => {
  scratch = new Scratch();
  reader = new Reader();
  hung = null;
});
afterEach(async () => {
  hung?.dispose();
  reader.close();
  await scratch.dispose();
});

async function fifo(name: string): Promise<string> {
  scratch.start(`mkfifo ${name}`);
  await until(() => statSync(scratch.path(name), { throwIfNoEntry: false })?.isFIFO() === true);
  return scratch.path(name);
}

function file(name: string, content: string | Buffer): string {
  writeFileSync(scratch.path(name), content);
  return scratch.path(name);
}

const read = (path: string, bytesMax = 64 * KIB) => reader.ask({ do: 'read', path, bytesMax }, LONG_MS);
const problem = (asked: Promise<unknown>) =>
  asked.then(
    () => 'read',
    ({ code, message }: ReadProblem) => `${code}: ${message}`,
  );

describe('a file', () => {
  test('is read whole, also through a link', async () => {
    const path = file('env', 'A=1\n');
    symlinkSync(path, scratch.path('link'));
    for (const each of [path, scratch.path('link')])
      expect(Buffer.from(await read(each)).toString()).toBe('A=1\n');
  });

  test('is read up to its bound, and refused beyond it, whatever size it claims to have', async () => {
    const path = file('env', 'x'.repeat(64 * KIB));
    expect((await read(path)).length).toBe(64 * KIB);
    truncateSync(path, 64 * KIB + 1);
    expect(await problem(read(path))).toBe(`TOO_LARGE: ${path} has more than 65536 bytes`);
    truncateSync(path, 2 ** 40);
    expect(await problem(read(path))).toMatch('TOO_LARGE');
    // Files of /proc claim to be empty.
    expect(Buffer.from(await read('/proc/self/comm')).toString()).toMatch(/./);
  });

  test.each([
    ['special file (FIFO)', () => fifo('fifo')],
    ['special file (device)', () => '/dev/zero'],
    ['directory', () => scratch.root],
  ])('that is a %s is refused by what it is, and never opened', async (kind, make) => {
    const path = await make();
    for (const ask of [
      { do: 'read', path, bytesMax: KIB },
      { do: 'head', path, bytes: KIB },
      { do: 'stage', source: path, target: scratch.path('copy'), bytesMax: KIB },
    ] as const)
      expect(await problem(reader.ask(ask, LONG_MS))).toBe(
        `NOT_REGULAR: ${path} is a ${kind}, not a regular file`,
      );
  });

  test('that is a socket is refused, and one that is missing is named', async () => {
    const server = createServer().listen(scratch.path('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await problem(read(scratch.path('socket')))).toMatch('is a socket, not a regular file');
    server.close();
    expect(await problem(read(scratch.path('none')))).toBe(`ENOENT: there is no ${scratch.path('none')}`);
  });
});

describe('a copy', () => {
  const stage = (source: string, bytesMax: number) =>
    reader.ask({ do: 'stage', source, target: scratch.path('copy'), bytesMax }, LONG_MS);

  test('has the content that its hash names, and can be executed', async () => {
    const source = file('program', '#!/bin/sh\n');
    expect(await stage(source, KIB)).toBe(hashText('#!/bin/sh\n'));
    expect(readFileSync(scratch.path('copy'), 'utf8')).toBe('#!/bin/sh\n');
    expect(statSync(scratch.path('copy')).mode & 0o777).toBe(0o755);
  });

  test('of what is too large leaves nothing behind', async () => {
    const source = file('program', 'x'.repeat(KIB + 1));
    expect(await problem(stage(source, KIB))).toMatch('TOO_LARGE');
    expect(statSync(scratch.path('copy'), { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe.skipIf(!canHang())('what hangs', () => {
  test('is given up, and what is asked after it is read', async () => {
    hung = new HungMount(scratch.path('hung'));
    const path = `${hung.path}/env`;
    const good = file('env', 'A=1\n');
    const [before, first, second] = await reader.askAll(
      [good, path, good].map((each) => ({ do: 'head', path: each, bytes: 9 }) as const),
      1_000,
    );
    const error = { code: 'TOO_SLOW', message: `${path} could not be read within 1 s` };
    expect(first).toMatchObject({ ok: false, error });
    for (const each of [before!, second!])
      expect(each.ok && Buffer.from(each.value).toString()).toBe('A=1\n');
  });

  test('may be a process, by a word of its own: it alone is left out', async () => {
    hung = new HungMount(scratch.path('hung'));
    const words = [[`${hung.path}/x`], ['x']];
    const asks = words.map((argv) => {
      const pid = scratch.start('', { path: '/bin/sh', argv: ['sh', '-c', 'sleep 1000; :', ...argv] });
      return { do: 'suspect', pid, startTicks: readStat(pid)!.startTicks, ownStateDir: null } as const;
    });
    for (const { pid } of asks) await untilNamed(pid);
    const [silent, other] = await reader.askAll(
      asks.map((ask) => ({ ...ask, executable: readExecutable(ask.pid)! })),
      1_000,
    );
    expect(silent).toMatchObject({ ok: false, error: { code: 'TOO_SLOW' } });
    const value = { argv: ['sh', '-c', 'sleep 1000; :', 'x'], isSupervised: false };
    expect(other).toMatchObject({ ok: true, value });
  });
});
