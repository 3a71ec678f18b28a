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
  api: ['errors', 'specification'],
  fleet: ['api', 'specification'],
  leak: ['api', 'fleet', 'specification'],
  supervisor: ['api', 'fleet', 'specification'],
  doctor: ['errors', 'api', 'fleet', 'leak', 'specification'],
  host: ['errors', 'doctor', 'fleet', 'supervisor', 'specification'],
  store: ['errors', 'api', 'host', 'specification'],
  daemon: ['errors', 'api', 'doctor', 'specification', 'fleet', 'leak', 'supervisor', 'host', 'store'],
  cli: ['errors', 'api', 'doctor', 'specification', 'host'],
  // It runs in a browser, which is sent these two rooms beside it.
  dashboard: ['api', 'specification'],
  // What is derived from everybody's tables; nobody imports it, and it is not shipped.
  reference: ['errors', 'doctor', 'specification', 'daemon', 'cli'],
};
/** Rooms without any OS: no node: module at all. */
const PURE = ['errors', 'api', 'specification', 'fleet', 'leak', 'supervisor', 'doctor', 'dashboard'];
/** Only these may touch files, processes, sockets or C: the host, and the ends of the API socket. A type touches nothing. */
const OS_MODULES =
  /^(node:(fs|fs\/promises|child_process|net|http|https|dgram|sqlite|worker_threads)|koffi|execa)$/;
const MAY_USE_OS: readonly [file: RegExp, modules: RegExp][] = [
  [/^src\/host\//, /./],
  [/^src\/store\/database\.ts$/, /^node:sqlite$/],
  [/^src\/daemon\/api\/connections\.ts$/, /^node:http$/],
  // What a user names on the command line is the user's own.
  [/^src\/cli\/(program|spec-source|supervisor|commands\/init)\.ts$/, /^node:fs$/],
  [/^src\/reference\//, /^node:fs$/],
];
/**
 * The supervisor's own process: its start and end, its lock, its sockets, its page. All else of the daemon runs on a
 * simulated host as well, so it knows the host by its door, and by what touches nothing.
 */
const OWN_PROCESS =
  /^src\/daemon\/(daemon|possession|shutdown|heartbeat|api\/server|api\/bounds|dashboard\/files)\.ts$/;
const HOST_DOOR = /^src\/host\/(host|result|processes|files\/hash|proc\/port-table|process\/process-id)\.ts$/;
/** What these may import in turn. */
const TOUCHES_NOTHING = /^node:crypto$/;

interface Import {
  file: string;
  room: string;
  target: string;
  isType: boolean;
}

/** `import type { … } from`, `export type { … } from`, and all that loads a module. */
const IMPORT = /(?:^(?:import|export) (type )[^']*?from|\bfrom|\bimport\(|^import) ?'([^']+)'/gm;

const imports: Import[] = globSync('src/**/*.ts').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, type, from]) => ({
    file,
    room: roomOf(file),
    target: from!.startsWith('.') ? normalize(join(dirname(file), from!)) : from!,
    isType: type !== undefined,
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
    ({ file, target, isType }) =>
      OS_MODULES.test(target) &&
      !isType &&
      !MAY_USE_OS.some(([files, modules]) => files.test(file) && modules.test(target)),
  );
  expect(wrong).toEqual([]);
});

test('what the simulation runs reaches the OS through the host alone', () => {
  const wrong = imports.filter(
    ({ file, room, target }) =>
      room === 'daemon' &&
      !OWN_PROCESS.test(file) &&
      target.startsWith('src/host/') &&
      !HOST_DOOR.test(target),
  );
  expect(wrong).toEqual([]);
  const beyond = imports.filter(
    ({ file, target, isType }) =>
      HOST_DOOR.test(file) && !isType && !HOST_DOOR.test(target) && !TOUCHES_NOTHING.test(target),
  );
  expect(beyond).toEqual([]);
});

test('no circle in the host', () => {
  const next = Map.groupBy(
    imports.filter(({ file, target }) => file.startsWith('src/host/') && target.startsWith('src/host/')),
    ({ file }) => file,
  );
  /** Everything that a file leads to. */
  const reach = (file: string, seen = new Set<string>()): Set<string> => {
    for (const { target } of next.get(file) ?? []) if (!seen.has(target)) reach(target, seen.add(target));
    return seen;
  };
  expect([...next.keys()].filter((file) => reach(file).has(file))).toEqual([]);
});
