import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const PURE_ROOMS = ['errors', 'specification', 'fleet', 'leak', 'supervisor'];
const HOST = ['sys', 'launcher', 'proc', 'net', 'strays', 'facts', 'files', 'state', 'cgroup', 'process'].map(
  (room) => `host/${room}`,
);
/** All of the host: its door, and for the supervisor's own process what is behind it. */
const ALL_OF_HOST = [...HOST, 'host', 'host/linux', 'host/install', 'host/autostart'];
const BELOW_DAEMON = [...PURE_ROOMS, 'fleet/decide', 'api', 'doctor', 'store', ...ALL_OF_HOST];

/** A room of the host: it may import from the pure rooms, and from these of its neighbours. */
function hostRoom(...neighbours: string[]): string[] {
  return [...PURE_ROOMS, 'doctor', ...neighbours.map((room) => `host/${room}`)];
}

/**
 * Which rooms each room may import from. Directions are one way: what is pure knows nothing of the OS, the CLI nothing
 * of the daemon. A folder that has a line of its own is a room within its room; others are part of it.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  specification: ['errors'],
  fleet: ['errors', 'specification'],
  'fleet/decide': ['errors', 'fleet', 'specification'],
  import: ['errors', 'specification'],
  leak: ['fleet', 'specification'],
  supervisor: ['fleet', 'specification'],
  api: PURE_ROOMS,
  doctor: [...PURE_ROOMS, 'api'],
  'host/sys': hostRoom(),
  'host/launcher': hostRoom('sys', 'proc', 'net'),
  'host/proc': hostRoom('sys'),
  'host/net': hostRoom('sys', 'proc'),
  'host/strays': hostRoom('sys', 'proc'),
  'host/facts': hostRoom('sys', 'proc', 'net'),
  'host/files': hostRoom('sys', 'proc', 'net', 'strays', 'facts'),
  'host/state': hostRoom('sys', 'proc', 'files'),
  'host/cgroup': hostRoom('sys', 'proc', 'files', 'state'),
  'host/process': hostRoom('sys', 'proc', 'strays', 'cgroup', 'launcher'),
  host: [...PURE_ROOMS, 'doctor', ...HOST],
  'host/linux': [...PURE_ROOMS, 'doctor', ...HOST, 'host'],
  'host/install': hostRoom('sys', 'files'),
  'host/autostart': [...PURE_ROOMS, ...HOST, 'host/install'],
  store: [...PURE_ROOMS, 'api', ...ALL_OF_HOST],
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
  'daemon/telemetry': [...PURE_ROOMS, 'api', ...['shared', 'supervisor'].map(inDaemon)],
  daemon: [
    ...BELOW_DAEMON,
    ...['shared', 'supervisor', 'commands', 'report', 'dashboard', 'api', 'telemetry'].map(inDaemon),
  ],
  cli: [...PURE_ROOMS, 'import', 'api', 'doctor', ...ALL_OF_HOST],
  // It runs in a browser, which is sent `api`, `specification` and `supervisor` beside it; of `fleet` it has types only.
  dashboard: ['api', 'fleet', 'supervisor', 'specification'],
  // What is derived from everybody's tables; nobody imports it, and it is not shipped.
  reference: [...PURE_ROOMS, 'api', 'doctor', 'cli', 'daemon/report', 'daemon/shared'],
};

function inDaemon(room: string): string {
  return `daemon/${room}`;
}

/** Rooms without any OS: no node: module at all. */
const PURE = [...PURE_ROOMS, 'import', 'fleet/decide', 'api', 'doctor', 'dashboard'];
/** Only these may touch files, processes, sockets or C: the host, and the ends of the API socket. A type touches nothing. */
const OS_MODULES =
  /^(node:(fs|fs\/promises|child_process|net|http|https|dgram|sqlite|worker_threads)|koffi|execa)$/;
const MAY_USE_OS: readonly [file: RegExp, modules: RegExp][] = [
  [/^src\/host\//, /./],
  [/^src\/store\/database\.ts$/, /^node:sqlite$/],
  [/^src\/daemon\/http\/connections\.ts$/, /^node:http$/],
  // What a user names on the command line is the user's own.
  [/^src\/cli\/(here|program|spec-source|supervisor|commands\/init|import\/(read|write))\.ts$/, /^node:fs$/],
  [/^src\/cli\/import\/evaluate\.ts$/, /^node:child_process$/],
  [/^src\/reference\//, /^node:fs$/],
];
/**
 * The supervisor's own process: its start and end, its lock, its sockets, its page. All else of the daemon runs on a
 * simulated host as well, so it knows the host by its door, and by what touches nothing.
 */
const OWN_PROCESS =
  /^src\/daemon\/(daemon|possession|shutdown|heartbeat|frugality|api\/server|api\/bounds|dashboard\/files)\.ts$/;
const HOST_DOOR =
  /^src\/host\/(host|processes|proc\/(address|port-table)|sys\/(result|hash|process-id))\.ts$/;
/** What these may import in turn. */
const TOUCHES_NOTHING = /^(node:crypto|src\/specification\/.+)$/;

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
      room.startsWith('daemon') &&
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

test('imports form no cycle, types included', () => {
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
