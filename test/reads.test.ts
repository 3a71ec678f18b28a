import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/**
 * Ways to read, walk or ask that have no bound, or hold the loop up. What others can write is read by `bounded.ts` (in a
 * reader's process where it can hang), deleted by `purge.ts`, asked for by `bounded-fetch.ts`.
 */
const WAYS: Record<string, RegExp> = {
  'reads a file whole': /\b(readFileSync|readFile)\(/,
  'reads a stream of a file': /\bcreateReadStream\(/,
  opens: /\b(openSync|open\w*Async|fsOpen)\(/,
  'runs a program and waits for it': /\b(execaSync|execSync|execFileSync|spawnSync)\b/,
  'runs a program': /\b(execa|fork|execFile)\(/,
  'deletes what it walks': /\brm(Sync)?\([^)]*recursive: true/,
  'walks down': /\b(readdir|readdirSync|opendir|opendirSync|cp|cpSync)\([^)]*recursive: true/,
  'asks an address': /\bfetch\(|\bhttps?\.(get|request)\(|\brequest\(\{/,
};

/** Who may all the same, and why. */
const ALLOWED: Record<string, Partial<Record<keyof typeof WAYS, string>>> = {
  'src/host/sys/bounded.ts': { opens: 'the one bounded way' },
  'src/host/net/http-get.ts': { 'asks an address': 'an agent’s own port or socket, bounded there' },
  'src/host/net/bounded-fetch.ts': { 'asks an address': 'the one bounded way' },
  'src/host/files/reader.ts': { 'runs a program': 'the process that reads what may hang' },
  'src/host/files/stage.ts': { opens: 'the copy in our own store; runs in a reader' },
  'src/host/sys/system-command.ts': { 'runs a program': 'the one way to run the system’s own' },
  'src/host/files/log-bound.ts': { opens: 'the older parts of a log, for writing' },
  'src/host/files/log-mend.ts': { opens: 'a place only (O_PATH)' },
  'src/host/files/log-parts.ts': { opens: 'a log that bounded.ts has opened, to empty it' },
  'src/host/files/files.ts': {
    'reads a file whole': 'our own state and pages, in directories that are ours alone',
    opens: 'our own state, for writing and fsync',
  },
  'src/host/state/lock.ts': { 'reads a file whole': 'our own lock', opens: 'our own lock' },
  'src/host/proc/read.ts': { opens: 'files of the kernel that never wait for a process' },
  'src/host/proc/net.ts': { 'reads a file whole': 'tables of the kernel, on another thread' },
  'src/host/cgroup/tree-lock.ts': { opens: 'the directory of our own cgroup, for its lock' },
  'src/host/state/own-log.ts': { opens: 'our own log, for writing' },
  'src/host/state/standard-error.ts': { opens: 'what we write to already, without waiting' },
  'src/host/state/heartbeat-file.ts': {
    'reads a file whole': 'our own heartbeat',
    opens: 'our own heartbeat',
  },
  'src/host/state/mark-file.ts': { opens: 'our own mark' },
  'src/host/cgroup/resources.ts': { opens: 'files of our own cgroups, for writing' },
  'src/host/net/unix.ts': { opens: 'a place only (O_PATH)' },
  'src/host/process/locale.ts': {
    'reads a file whole': 'the host’s language and time zone: files of root’s in /etc',
  },
  'src/host/facts/root.ts': {
    'reads a file whole': 'files of root’s in /etc and /usr, by fleetctl, not the supervisor',
  },
  'src/host/install/files.ts': { 'reads a file whole': 'our own templates, by fleetctl' },
  'src/host/install/places.ts': { 'reads a file whole': 'units and drop-ins of root’s, by fleetctl' },
  'src/host/autostart/autostart.ts': {
    'reads a file whole': 'the last words of a supervisor in our own directory, by fleetctl',
    opens: 'the file for these, for writing',
  },
};

const uses = ['host', 'daemon', 'store', 'doctor']
  .flatMap((room) => globSync(`src/${room}/**/*.ts`))
  .flatMap((file) => {
    const code = readFileSync(file, 'utf8').replaceAll(
      /^import[\s\S]*?;$|\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
      '',
    );
    return Object.entries(WAYS).flatMap(([way, pattern]) => (pattern.test(code) ? [{ file, way }] : []));
  });

test('nothing is read, walked or asked but in the bounded ways, or with a reason', () => {
  expect(uses.filter(({ file, way }) => ALLOWED[file]?.[way] === undefined)).toEqual([]);
});

test('every exception is one', () => {
  const named = Object.entries(ALLOWED).flatMap(([file, ways]) =>
    Object.keys(ways).map((way) => ({ file, way })),
  );
  expect(named.filter((one) => !uses.some(({ file, way }) => file === one.file && way === one.way))).toEqual(
    [],
  );
});

test('a process’s words and environment are read only where it may keep its reader waiting', () => {
  const readers = globSync('src/**/*.ts').filter((file) =>
    /\b(readWords|readEnvironment)\(|\/(cmdline|environ)`/.test(readFileSync(file, 'utf8')),
  );
  // recognise.ts: without a cgroup tree, processes of the supervisor's own user alone.
  expect(readers.sort()).toEqual([
    'src/host/proc/pid.ts',
    'src/host/process/recognise.ts',
    'src/host/strays/find.ts',
  ]);
});

/** Paths of /proc that are no reading of it: our own descriptors by a name, and what a launcher writes. */
const OWN_PROC = /\/proc\/(self\/fd|thread-self\/fd|self\/(?:exe|oom_score_adj|coredump_filter|loginuid))\b/g;

test('/proc is read below one root: by its own room, or as part of a host (Root)', () => {
  const others = globSync('src/{host,daemon,store}/**/*.ts').filter((file) => {
    if (file.startsWith('src/host/proc/') || file === 'src/host/facts/root.ts') return false;
    const code = readFileSync(file, 'utf8')
      .replaceAll(/\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
      .replaceAll(/\broot\.(text|number|list|link)\([`'][^`']*[`']/g, '')
      .replaceAll(OWN_PROC, '');
    return /['"`]\/proc/.test(code);
  });
  expect(others).toEqual([]);
});
