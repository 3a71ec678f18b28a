import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findCgroupMount, parseCgroupPath } from '../../src/host/proc/cgroup.ts';
import { Namespace, NO_REUSE } from '../strangers/namespace.ts';
import { isRunning, until, World } from './harness.ts';

const IS_ROOT = process.getuid!() === 0;
const NOBODY = 65_534;
/** So many agents at a time, since each keeps a processor busy, and so often. */
const [AT_ONCE, TURNS] = [10, 10];

let world: World;
afterEach(() => world.dispose());

/** The processes of which a word of the command line has this in it. */
function named(token: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && commandLine(pid).includes(token));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function cgroupOf(pid: number): string | null {
  try {
    return parseCgroupPath(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * An agent whose first act is to fork a child that leaves its session, closes everything and forks itself again every 60 to
 * 300 µs: no list of processes holds it. After a while it stays where it is. Every fork leaves a zombie behind, so that it
 * runs in a pid namespace, whose first process reaps them at once; some hosts' own takes minutes for so many.
 */
const RUNAWAY = `
use POSIX ();
# Others are to have their turn: what is tried here is not the host's load.
POSIX::nice(19);
select(undef, undef, undef, rand(0.02)) if rand() < 0.5;
if (fork() == 0) {
  POSIX::setsid();
  POSIX::close($_) for 0 .. 255;
  for (1 .. 200) {
    POSIX::_exit(0) if fork();
    select(undef, undef, undef, 0.00006 + rand(0.00024));
  }
  sleep 100000;
}
sleep 100000;
`;

describe.skipIf(NO_REUSE !== null)(
  'an agent that forks its way out as its first act (needs root, and a pid namespace)',
  () => {
    const token = () => `runaway-${process.pid}`;
    const spec = () =>
      world.write(
        'run.yaml',
        `name: run
command: [perl, ${world.write('runaway.pl', RUNAWAY)}, ${token()}]
ready: { after: 1ms }
rounds: { parallel: 20, delay: 0s }
stop: { signal: SIGKILL }
restart: { backoff: { min: 1ms, max: 10ms }, storm: off }
`,
      );
    test(`never leaves its cgroup: ${AT_ONCE * TURNS} starts, none escapes`, async () => {
      world = await Namespace.open({ cgroups: true });
      const file = spec();
      for (let turn = 0; turn < TURNS; turn++) {
        await world.ok('spawn', String(AT_ONCE), '-f', file);
        const slots = `/${world.cgroup!.split('/').at(-1)}/run/`;
        const places = named(token())
          .map(cgroupOf)
          .filter((path) => path !== null);
        expect(places.length).toBeGreaterThan(0);
        expect(places.filter((path) => !path.startsWith(slots))).toEqual([]);
        await world.ok('kill', '--all');
        await until(() => named(token()).length === 0, 10_000, 'nothing is left');
      }
      await world.ok('remove', '--purge');
    });

    test('nor across kills of the supervisor in the middle of a batch', async () => {
      const namespace = await Namespace.open({ cgroups: true });
      world = namespace;
      const file = spec();
      for (let turn = 0; turn < AT_ONCE; turn += 2) {
        const spawned = world.fleetctl('spawn', String(AT_ONCE), '-f', file, '--timeout', '1s');
        // Somewhere in the batch: as soon as so many processes are there, another number each time.
        await until(() => named(token()).length > turn);
        await namespace.endSupervisor();
        await spawned;
        await world.ok('spawn', String(AT_ONCE));
        expect(await world.ps()).toHaveLength(AT_ONCE);
        // Each slot has its agent and the one that ran away, and nobody twice.
        await until(() => named(token()).length === 2 * AT_ONCE, 20_000, 'two processes a slot');
        await world.ok('kill', '--all');
        await until(() => named(token()).length === 0, 10_000, 'nothing is left');
      }
    });
  },
);

const SLOW_PREPARE = `
name: web
command: [sleep, "100000"]
prepare: [sh, -c, "if mkdir {dir}/once; then echo $$ > {dir}/pid; exec sleep 100000; fi"]
ready: { after: 1ms, timeout: 60s }
`;

describe.each([
  ['with cgroups', undefined],
  ['without', NOBODY],
])('a prepare that outlives the supervisor, %s', (_, uid) => {
  test.skipIf(!IS_ROOT)('is never taken for the agent', async () => {
    world = new World({}, uid);
    const spawned = world.fleetctl(
      'spawn',
      '1',
      '-f',
      world.write('web.yaml', SLOW_PREPARE),
      '--timeout',
      '2s',
    );
    const pidFile = `${world.stateDir}/fleets/web/0/pid`;
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'));
    const prepare = Number(readFileSync(pidFile, 'utf8'));
    await world.killSupervisor();
    await spawned;
    await world.ok('spawn', '1');
    const [agent] = await world.ps();
    expect(agent).toMatchObject({ state: 'ready' });
    expect(agent!.pid).not.toBe(prepare);
    await until(() => !isRunning(prepare));
  });
});

test('what a hook leaves in the background goes on, whatever is started after it, and under the next supervisor', async () => {
  world = new World();
  const marker = `${world.root}/background`;
  world.write(
    'hook',
    `#!/bin/sh\n[ -e ${marker}.env ] && exit 0 # The next supervisor runs it again.\nenv > ${marker}.env\nsetsid sleep 100000 > /dev/null 2>&1 &\necho $! > ${marker}.new\nmv ${marker}.new ${marker}\n`,
  );
  chmodSync(`${world.root}/hook`, 0o755);
  const spec = `
name: web
command: [sleep, "100000"]
env: { LD_PRELOAD: /nonexistent.so, SECRET: told }
ready: { after: 1ms }
pressure: { available: 100%, hook: [./hook] }
`;
  await world.fleetctl('spawn', '1', '-f', world.write('web.yaml', spec), '--timeout', '2s');
  await until(() => existsSync(marker));
  const background = Number(readFileSync(marker, 'utf8'));
  // Of the spec, it has a name and nothing else in its environment; the shell adds its own.
  const names = [...readFileSync(`${marker}.env`, 'utf8').matchAll(/^(\w+)=/gm)].map(([, name]) => name!);
  const own = names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name));
  expect(own.sort()).toEqual(['FLEET_NAME', 'FLEET_PRESSURE', 'PATH']);
  try {
    await world.ok('spawn', '3', '--name', 'other', '--ready', 'after:1ms', '--', 'sleep', '100000');
    expect(isRunning(background)).toBe(true);
    await world.killSupervisor();
    await world.ok('spawn', '4', '--fleet', 'other');
    expect(isRunning(background)).toBe(true);
  } finally {
    process.kill(background, 'SIGKILL');
    await until(() => !isRunning(background));
  }
});

test.skipIf(!IS_ROOT)(
  'a cgroup of somebody else’s with the name of our tree speaks for no slot',
  async () => {
    world = new World();
    const spec = `
name: no
command: [sleep, "100000"]
ready: { notify: true, timeout: 60s }
`;
    const spawned = world.fleetctl(
      'spawn',
      '1',
      '-f',
      world.write('no.yaml', spec.replace('{ notify: true, timeout: 60s }', 'notify')),
      '--timeout',
      '3s',
    );
    await until(() => world.cgroup !== null && existsSync(`${world.cgroup}/no/0`));
    const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))!;
    const top = `${mount}/tenant-${process.pid}`;
    const place = `${top}/${world.cgroup!.split('/').at(-1)}/no/0`;
    mkdirSync(place, { recursive: true });
    const say = `use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); <STDIN>;
    send($s, "READY=1", 0, pack_sockaddr_un("${world.runtimeDir}/notify.sock")); <STDIN>;`;
    const impostor = spawn('perl', ['-e', say], { stdio: ['pipe', 'ignore', 'inherit'] });
    try {
      writeFileSync(`${place}/cgroup.procs`, String(impostor.pid));
      impostor.stdin!.write('\n');
      expect((await spawned).code).toBe(4);
      expect(await world.ps()).toEqual([expect.objectContaining({ state: 'starting' })]);
    } finally {
      impostor.stdin!.end();
      await until(() => impostor.exitCode !== null);
      for (let path = place; path !== mount; path = dirname(path)) rmdirSync(path);
    }
  },
);

/** A library whose constructor notes who runs it, for any program that the loader lets it into. */
const TRAP = `
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void trap(void) {
  FILE *file = fopen(WHERE, "a");
  if (file) { fprintf(file, "%d %d\\n", getuid(), geteuid()); fclose(file); }
}
unsigned int la_version(unsigned int version) { return version; }
`;
const HAS_COMPILER = (() => {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!IS_ROOT || !HAS_COMPILER)('the loader (needs root and a C compiler)', () => {
  const BASE = 31_000;

  /** Compiles the trap into a directory that every user may read. @returns the file that it notes its users in */
  function setTrap(): { library: string; notes: string } {
    chmodSync(world.root, 0o711);
    const notes = `${world.root}/notes`;
    writeFileSync(notes, '');
    chmodSync(notes, 0o666);
    mkdirSync(`${world.root}/lib`);
    chmodSync(`${world.root}/lib`, 0o755);
    world.write('trap.c', TRAP);
    const library = `${world.root}/lib/libcap-ng.so.0`;
    execFileSync('cc', ['-shared', '-fPIC', `-DWHERE="${notes}"`, '-o', library, `${world.root}/trap.c`]);
    chmodSync(library, 0o755);
    return { library, notes };
  }

  test.each([
    ['LD_LIBRARY_PATH', (lib: string) => dirname(lib)],
    ['LD_LIBRARY_PATH, whose empty part is the working directory', (lib: string) => `${dirname(lib)}:`],
    ['LD_PRELOAD', (lib: string) => lib],
    ['LD_AUDIT', (lib: string) => lib],
  ])('obeys %s of a spec for nobody but the spec’s user', async (what, pathOf) => {
    world = new World();
    const { library, notes } = setTrap();
    const [variable] = what.split(',');
    world.write('secret.env', `${variable}=${pathOf(library)}\n`);
    const helper = (name: string) => `[sh, -c, "/bin/true; echo ${name} >> {dir}/ran"]`;
    for (const [name, source] of [
      ['direct', `env: { ${variable}: "${pathOf(library)}" }`],
      ['file', 'envFile: ./secret.env'],
    ]) {
      const spec = `
name: ${name}
user: { base: ${BASE} }
command: [sleep, "100000"]
prepare: ${helper('prepare')}
ready: { exec: ${helper('check')} }
rounds: { parallel: 10, delay: 0s }
stop: { signal: SIGKILL }
${source}
`;
      await world.ok('spawn', '2', '-f', world.write(`${name}.yaml`, spec));
      await world.ok('restart', '--fleet', name!);
      expect(readFileSync(`${world.stateDir}/fleets/${name}/0/ran`, 'utf8')).toMatch(/^prepare\ncheck\n/);
    }
    const users = new Set(readFileSync(notes, 'utf8').split('\n').filter(Boolean));
    for (const user of users) expect(user).toMatch(/^(31000 31000|31001 31001)$/);
    // The trap works: the agents' own processes did step into it, unless it only has the name of a library they lack.
    if (variable !== 'LD_LIBRARY_PATH') expect(users.size).toBe(2);
  });
});
