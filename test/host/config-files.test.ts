import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfigFiles } from '../../src/host/files/config-files.ts';
import { Scratch } from './processes.ts';

const OWNERS = [0, process.getuid!()];
let scratch: Scratch;
let directory: string;
beforeEach(() => {
  scratch = new Scratch();
  directory = scratch.path('config');
  mkdirSync(directory, { mode: 0o755 });
});
afterEach(() => scratch.dispose());

function write(name: string, text: string | Buffer, mode = 0o644): string {
  const path = `${directory}/${name}`;
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const read = () => readConfigFiles(directory, OWNERS)!;

test('reads the specs of a directory by name, and nothing else', () => {
  for (const name of ['b.yml', 'a.yaml', 'c.json', '.d.yaml', 'e.txt', 'f.yaml~']) write(name, name);
  expect(read()).toEqual(
    ['a.yaml', 'b.yml', 'c.json'].map((name) => ({ path: `${directory}/${name}`, text: name })),
  );
  expect(readConfigFiles(scratch.path('missing'), OWNERS)).toBe(null);
  expect(() => readConfigFiles('etc', OWNERS)).toThrow('etc is not an absolute path');
});

test('follows links within the directory, as a mounted ConfigMap has them, and no others', () => {
  mkdirSync(`${directory}/..2026`, { mode: 0o755 });
  write('..2026/a.yaml', 'inner');
  symlinkSync('..2026', `${directory}/..data`);
  symlinkSync('..data/a.yaml', `${directory}/a.yaml`);
  renameSync(write('x', 'outer'), scratch.path('outer.yaml'));
  symlinkSync(scratch.path('outer.yaml'), `${directory}/b.yaml`);
  expect(read()).toEqual([
    { path: `${directory}/a.yaml`, text: 'inner' },
    { path: `${directory}/b.yaml`, problem: `it is a link to ${scratch.path('outer.yaml')}` },
  ]);
});

test.each([
  [
    'a file that its group can write',
    () => write('a.yaml', '', 0o664),
    /others can write to .*a.yaml: its mode is 664/,
  ],
  ['a directory in the place of a file', () => mkdirSync(`${directory}/a.yaml`), /a.yaml is a directory/],
  [
    'a file that is too large',
    () => write('a.yaml', Buffer.alloc(1024 * 1024 + 1, 0x20)),
    /has more than 1048576 bytes/,
  ],
  [
    'a file that is not UTF-8',
    () => write('a.yaml', Buffer.from([0xff, 0x61])),
    /not valid for encoding utf-8/,
  ],
  [
    'a link within, to a place that others can write to',
    () => {
      mkdirSync(`${directory}/open`);
      chmodSync(`${directory}/open`, 0o777);
      write('open/a.yaml', '');
      symlinkSync('open/a.yaml', `${directory}/a.yaml`);
    },
    /others can write to .*open: its mode is 777/,
  ],
])('refuses %s, and reads the others', (_, make, problem) => {
  make();
  write('good.yaml', 'good');
  expect(read()).toEqual([
    { path: `${directory}/a.yaml`, problem: expect.stringMatching(problem) },
    { path: `${directory}/good.yaml`, text: 'good' },
  ]);
});

test('refuses the directory where others could replace it, or what is in it', () => {
  chmodSync(directory, 0o775);
  expect(read).toThrow(`others can write to ${directory}: its mode is 775`);
  chmodSync(directory, 0o755);
  expect(() => readConfigFiles(directory, [4711])).toThrow('belongs to uid');
  mkdirSync(scratch.path('open'), { mode: 0o755 });
  mkdirSync(scratch.path('open/config'), { mode: 0o755 });
  chmodSync(scratch.path('open'), 0o777);
  expect(() => readConfigFiles(scratch.path('open/config'), OWNERS)).toThrow(
    `others can write to ${scratch.path('open')}`,
  );
});

test.skipIf(process.getuid!() !== 0)('refuses a file of another user (needs root)', () => {
  chownSync(write('a.yaml', ''), 4711, 4711);
  expect(read()).toEqual([
    { path: `${directory}/a.yaml`, problem: `${directory}/a.yaml belongs to uid 4711` },
  ]);
});
