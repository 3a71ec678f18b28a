import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const PURE_ROOMS = ['errors', 'specification', 'fleet', 'leak', 'supervisor'];
const BELOW_DAEMON = [...PURE_ROOMS, 'fleet/decide', 'api', 'doctor', 'host', 'store'];

/**
 * Which rooms each room may import from. Directions are one way: what is pure knows nothing of the OS, the CLI nothing
 * of the daemon. A folder that has a line of its own is a room within its room; others are part of it.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  specification: ['errors'],
  fleet: ['errors', 'specification'],
  'fleet/decide': ['errors', 'fleet', 'specification'],
  leak: ['fleet', 'specification'],
  supervisor: ['fleet', 'specification'],
  api: PURE_ROOMS,
  doctor: [...PURE_ROOMS, 'api'],
  host: [...PURE_ROOMS, 'doctor'],
  store: [...PURE_ROOMS, 'api', 'host'],
  'daemon/http': ['errors'],
  'daemon/shared': BELOW_DAEMON,
  'daemon/fleet': [...BELOW_DAEMON, 'daemon/shared'],
  'daemon/watches': [...BELOW_DAEMON, 'daemon/shared', 'daemon/fleet'],
  'daemon/supervisor': [...BELOW_DAEMON, 'daemon/shared', 'daemon/fleet', 'daemon/watches'],
  'daemon/strays': [...BELOW_DAEMON, 'daemon/fleet', 'daemon/supervisor'],
  'daemon/commands': [...BELOW_DAEMON, 'daemon/fleet', 'daemon/strays', 'daemon/supervisor'],
  'daemon/report': [
    ...BELOW_DAEMON,
    ...['http', 'shared', 'fleet', 'watches', 'supervisor', 'strays', 'commands'].map(inDaemon),
  ],
  'daemon/dashboard': [
    ...BELOW_DAEMON,
    ...['http', 'shared', 'fleet', 'watches', 'supervisor', 'report'].map(inDaemon),
  ],
  'daemon/api': [
    ...BELOW_DAEMON,
    ...['http', 'shared', 'fleet', 'watches', 'supervisor', 'commands', 'report', 'dashboard'].map(inDaemon),
  ],
  daemon: [
    ...BELOW_DAEMON,
    ...['shared', 'supervisor', 'commands', 'report', 'dashboard', 'api'].map(inDaemon),
  ],
  cli: [...PURE_ROOMS, 'api', 'doctor', 'host'],
  // It runs in a browser, which is sent `api` and `specification` beside it; of the others it has types only.
  dashboard: ['api', 'fleet', 'supervisor', 'specification'],
  // What is derived from everybody's tables; nobody imports it, and it is not shipped.
  reference: [...PURE_ROOMS, 'api', 'doctor', 'cli', 'daemon/report', 'daemon/shared'],
};

function inDaemon(room: string): string {
  return `daemon/${room}`;
}

/** Rooms without any OS: no node: module at all. */
const PURE = [...PURE_ROOMS, 'fleet/decide', 'api', 'doctor', 'dashboard'];
/** Only these may touch files, processes, sockets or C: the host, and the ends of the API socket beside it. */
const OS_MODULES = /^(node:(fs|fs\/promises|child_process|net|http|dgram|sqlite)|koffi|execa)$/;
const MAY_USE_OS: Record<string, RegExp> = {
  host: /./,
  store: /^node:sqlite$/,
  'daemon/http': /^node:http$/,
  cli: /^node:(http|fs)$/,
  reference: /^node:fs$/,
};

interface Import {
  file: string;
  room: string;
  target: string;
  /** Nothing of it is there when the program runs. */
  isType: boolean;
}

const imports: Import[] = globSync('src/**/*.ts').flatMap((file) =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /(?:(?:import|export) (?<type>type )?(?:[^'";]*? )?from|import\() ?'(?<target>[^']+)'/g,
    ),
  ].map(({ groups }) => {
    const { type, target = '' } = groups!;
    const path = target.startsWith('.') ? normalize(join(dirname(file), target)) : target;
    return { file, room: roomOf(file), target: path, isType: type !== undefined };
  }),
);

/** The room that a file is in: the innermost that the table knows. */
function roomOf(file: string): string {
  const path = file.replace(/^src\//, '').replace(/\.ts$/, '');
  const rooms = Object.keys(MAY_IMPORT).filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.sort((a, b) => b.length - a.length)[0] ?? path;
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
    ({ room, target, isType }) => !isType && OS_MODULES.test(target) && !MAY_USE_OS[room]?.test(target),
  );
  expect(wrong).toEqual([]);
});

test('there is no circle in the whole house, types included', () => {
  const targets = Map.groupBy(
    imports.filter(({ target }) => target.startsWith('src/')),
    ({ file }) => file,
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) circles.push([...way.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const { target } of targets.get(file) ?? []) walk(target, [...way, file]);
    done.add(file);
  };
  for (const file of targets.keys()) walk(file, []);
  expect(circles).toEqual([]);
});
