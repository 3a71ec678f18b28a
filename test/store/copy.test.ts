import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readCopy, type WantedCopy, writeCopy } from '../../src/store/copy.ts';
import { newFleet, overwrite, release, temporary } from './places.ts';

const COPY = fileURLToPath(new URL('../../src/store/copy.ts', import.meta.url));

function copyOf(count: number, seq = 7): WantedCopy {
  const { record: fleet, slots } = newFleet(count);
  return { seq, fleets: [{ fleet, slots: [...slots], releases: [release('r1')] }], settings: {} };
}

function written(count = 3): string {
  const path = join(temporary(), 'wanted.json');
  writeCopy(path, copyOf(count));
  return path;
}

test('reads back what was written', () => {
  expect(readCopy(written())).toEqual({ copy: copyOf(3), damage: null });
});

test('keeps to itself what it holds, for there are secrets in it', () => {
  expect(statSync(written()).mode & 0o777).toBe(0o600);
});

test('finds nothing damaged where there is no copy', () => {
  expect(readCopy(join(temporary(), 'none'))).toEqual({ copy: null, damage: null });
});

test.each<[string, (path: string) => void]>([
  ['empty', (path) => writeFileSync(path, '')],
  ['cut in the middle', (path) => writeFileSync(path, readFileSync(path).subarray(0, 500))],
  ['cut by its last brace', (path) => writeFileSync(path, `${readFileSync(path, 'utf8').slice(0, -2)}\n`)],
  ['changed in one digit', (path) => overwrite(path, readFileSync(path, 'utf8').indexOf('"seq":7') + 6, '8')],
  [
    'changed in its checksum',
    (path) => overwrite(path, 0, readFileSync(path, 'utf8')[0] === '0' ? '1' : '0'),
  ],
  ['overwritten with rubbish', (path) => overwrite(path, 100, Buffer.alloc(64, 0xff))],
  ['without its checksum', (path) => writeFileSync(path, readFileSync(path, 'utf8').split('\n')[1]!)],
])('does not use a copy that is %s, and names it', (_, damage) => {
  const path = written();
  damage(path);
  expect(readCopy(path)).toEqual({ copy: null, damage: expect.stringContaining(path) });
});

test('replaces the old copy whole, and leaves nothing beside it', () => {
  const path = written(500);
  writeCopy(path, copyOf(2, 8));
  expect(readCopy(path).copy).toEqual(copyOf(2, 8));
  expect(readdirSync(join(path, '..'))).toEqual(['wanted.json']);
});

test('keeps the old copy where the new one cannot be written whole', () => {
  // Like a disk that fills up, a limit of the file size makes write(2) take a part, and only the next one fail.
  const path = written(2);
  const script = `
    const { writeCopy } = await import(process.argv[1]);
    const slots = Array.from({ length: 5000 }, (_, slot) => ({ slot }));
    try {
      writeCopy(process.argv[2], { seq: 8, fleets: [{ fleet: {}, slots, releases: [] }] });
      console.log('written');
    } catch (error) {
      console.log(error.cause.code);
    }`;
  const argv = ['-c', 'ulimit -f 16; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script];
  const said = execFileSync('sh', [...argv, COPY, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  expect(said).toBe('EFBIG\n');
  expect(readCopy(path).copy).toEqual(copyOf(2));
});
