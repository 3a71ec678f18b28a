import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Which rooms each room may import from. Directions are one way: what is pure knows nothing of the OS, the CLI nothing
 * of the daemon.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  specification: ['errors'],
  fleet: ['errors', 'specification'],
  leak: ['fleet', 'specification'],
  supervisor: ['fleet', 'specification'],
  api: ['errors', 'fleet', 'leak', 'supervisor', 'specification'],
  doctor: ['errors', 'api', 'fleet', 'leak', 'specification'],
  host: ['errors', 'doctor', 'fleet', 'supervisor', 'specification'],
  store: ['errors', 'api', 'fleet', 'host', 'specification'],
  daemon: ['errors', 'api', 'doctor', 'specification', 'fleet', 'leak', 'supervisor', 'host', 'store'],
  cli: ['errors', 'api', 'doctor', 'fleet', 'supervisor', 'specification', 'host'],
  // It runs in a browser, which is sent these two rooms beside it.
  dashboard: ['api', 'fleet', 'supervisor', 'specification'],
  // What is derived from everybody's tables; nobody imports it, and it is not shipped.
  reference: ['errors', 'api', 'doctor', 'fleet', 'specification', 'daemon', 'cli'],
};
/** Rooms without any OS: no node: module at all. */
const PURE = ['errors', 'api', 'specification', 'fleet', 'leak', 'supervisor', 'doctor', 'dashboard'];
/** Only these may touch files, processes, sockets or C: the host, and the ends of the API socket beside it. */
const OS_MODULES = /^(node:(fs|fs\/promises|child_process|net|http|dgram|sqlite)|koffi|execa)$/;
const MAY_USE_OS: Record<string, RegExp> = {
  host: /./,
  store: /^node:sqlite$/,
  daemon: /^node:http$/,
  cli: /^node:(http|fs)$/,
  reference: /^node:fs$/,
};

interface Import {
  file: string;
  room: string;
  target: string;
}

const imports: Import[] = globSync('src/**/*.ts').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import\(|import) ?'([^']+)'/g)].map((found) => ({
    file,
    room: roomOf(file),
    target: found[1]!.startsWith('.') ? normalize(join(dirname(file), found[1]!)) : found[1]!,
  })),
);

function roomOf(file: string): string {
  return file.replace(/^src\//, '').split(/[/.]/)[0]!;
}

test('finds the imports it judges', () => {
  expect(imports.length).toBeGreaterThan(200);
  expect(Object.keys(MAY_IMPORT)).toEqual(
    expect.arrayContaining([...new Set(imports.map(({ room }) => room))]),
  );
});

test('rooms import one way only', () => {
  const wrong = imports.filter(
    ({ room, target }) =>
      target.startsWith('src/') && roomOf(target) !== room && !MAY_IMPORT[room]!.includes(roomOf(target)),
  );
  expect(wrong).toEqual([]);
});

test('pure rooms know nothing of the OS', () => {
  expect(imports.filter(({ room, target }) => PURE.includes(room) && target.startsWith('node:'))).toEqual([]);
});

test('only the host and the ends of the API socket touch the OS', () => {
  const wrong = imports.filter(
    ({ room, target }) => OS_MODULES.test(target) && !MAY_USE_OS[room]?.test(target),
  );
  expect(wrong).toEqual([]);
});
