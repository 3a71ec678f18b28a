import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type Ended, isRunning, until, World } from './harness.ts';

const IS_ROOT = process.getuid!() === 0;
const NOBODY = 65_534;
const FLEETD = fileURLToPath(new URL('../../bin/fleetd', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** The commit that 0.1.0 was landed with. */
const FIRST_RELEASE = 'd8e170d';

let world: World;
afterEach(() => world.dispose());

const spawnWeb = (...args: string[]) =>
  world.ok('spawn', '3', '--name', 'web', '--ready', 'after:1ms', ...args, '--', 'sleep', '100000');

const pids = async () => (await world.ps()).map(({ pid }) => pid);

/** Runs fleetd itself; it ends where it refuses to start. */
function fleetd(env: Record<string, string>, ...before: string[]): Promise<Ended> {
  const [program, ...args] = [...before, FLEETD];
  return new Promise((resolve) => {
    execFile(program!, args, { env: { ...world.env, ...env }, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
    );
  });
}

describe.each([
  ['with cgroups', undefined],
  ['without', NOBODY],
])('a state directory is itself, %s', (_, uid) => {
  test.skipIf(!IS_ROOT).each([
    ['with a dot in its path', (path: string) => path.replace(/\/s$/, '/./s')],
    ['with a doubled slash', (path: string) => `/${path}`],
    [
      'through a link',
      (path: string) => {
        symlinkSync(path, `${path}-link`);
        return `${path}-link`;
      },
    ],
  ])('%s', async (_how, spell) => {
    world = new World({}, uid);
    await spawnWeb();
    const before = await pids();
    await world.killSupervisor();
    world.env.FLEETD_STATE_DIR = spell(world.stateDir);
    await world.ok('spawn', '3');
    expect(await pids()).toEqual(before);
    expect(world.processes().sort()).toEqual([...before].sort());
  });
});

describe.skipIf(!IS_ROOT)('a state directory', () => {
  test('that is a copy of one whose agents run is refused, and both are named', async () => {
    world = new World();
    await spawnWeb();
    const before = await pids();
    await world.killSupervisor();
    const copy = `${world.root}/copy`;
    cpSync(world.stateDir, copy, { recursive: true });
    const other = { FLEETD_STATE_DIR: copy, FLEETD_RUNTIME_DIR: `${world.root}/other` };
    const refused = await fleetd(other);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'FLEET_STATE_COPIED' } });
    for (const path of [copy, world.stateDir]) expect(refused.stderr).toContain(path);
    // Nor where the original is out of sight, as long as its agents run.
    renameSync(world.stateDir, `${world.root}/hidden`);
    expect((await fleetd(other)).stderr).toContain('FLEET_STATE_COPIED');
    renameSync(`${world.root}/hidden`, world.stateDir);
    await world.ok('spawn', '3');
    expect(await pids()).toEqual(before);
  });

  test('that was moved keeps its agents, and says so', async () => {
    world = new World();
    await spawnWeb();
    const before = await pids();
    await world.killSupervisor();
    const moved = `${world.root}/moved`;
    renameSync(world.stateDir, moved);
    world.env.FLEETD_STATE_DIR = moved;
    await world.ok('spawn', '3');
    expect(await pids()).toEqual(before);
    const reasons = (await world.events()).map(({ reason }) => reason);
    expect(reasons).toContainEqual(expect.stringContaining(`from ${world.stateDir} to ${moved}`));
    renameSync(moved, world.stateDir);
  });

  test('that was restored after a boot is another one, and says so', async () => {
    world = new World();
    await spawnWeb();
    await world.ok('kill', '--all');
    await world.ok('shutdown');
    const path = `${world.stateDir}/identity`;
    const identity = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...identity, bootId: 'another', inode: identity.inode + 1 }));
    await spawnWeb();
    expect(JSON.parse(readFileSync(path, 'utf8')).id).not.toBe(identity.id);
    expect((await world.events()).map(({ reason }) => reason)).toContainEqual(
      expect.stringContaining('was restored'),
    );
  });

  test.each([
    ['lost', (path: string) => rmSync(path)],
    ['damaged', (path: string) => writeFileSync(path, '{"id":"')],
  ])('whose identity was %s finds its agents by what they have open', async (_, harm) => {
    world = new World();
    await spawnWeb();
    const before = await pids();
    await world.killSupervisor();
    harm(`${world.stateDir}/identity`);
    await world.ok('spawn', '3');
    expect(await pids()).toEqual(before);
  });
});

describe.skipIf(!IS_ROOT)('in another mount namespace', () => {
  /** Runs a script there, and then fleetd. */
  const elsewhere = (script: string) => ['unshare', '--mount', 'sh', '-c', `${script} && exec "$0"`];

  test('a supervisor with an empty directory at the same path leaves this one’s agents, and this one, alone', async () => {
    world = new World();
    await spawnWeb();
    const before = await pids();
    const supervisor = world.supervisorPid();
    const script = `mount -t tmpfs none ${world.stateDir} && mount -t tmpfs none ${world.runtimeDir} && exec "$0"`;
    const other = spawn('unshare', ['--mount', 'sh', '-c', script, FLEETD], {
      env: world.env,
      stdio: 'ignore',
    });
    try {
      const socket = () => existsSync(`/proc/${other.pid}/root${world.runtimeDir}/fleetd.sock`);
      await until(socket, 20_000, 'the other one serves');
      other.kill('SIGTERM');
      await until(() => other.exitCode !== null || other.signalCode !== null);
    } finally {
      other.kill('SIGKILL');
    }
    expect(world.supervisorPid()).toBe(supervisor);
    expect(await pids()).toEqual(before);
  });

  test('a supervisor on a directory of the same identity is refused by the name of the one that runs', async () => {
    world = new World();
    await spawnWeb();
    const before = await pids();
    const supervisor = world.supervisorPid();
    const copy = `${world.root}/copy`;
    cpSync(world.stateDir, copy, { recursive: true });
    // The copy in the original's place, with its identity: all that a file system in another namespace can show.
    const { dev, ino } = { dev: '%d', ino: '%i' };
    const forged = `sed -i "s/\\"device\\":[0-9]*/\\"device\\":$(stat -c ${dev} ${world.stateDir})/; s/\\"inode\\":[0-9]*/\\"inode\\":$(stat -c ${ino} ${world.stateDir})/" ${world.stateDir}/identity`;
    mkdirSync(`${world.root}/other`);
    const script = `mount --bind ${copy} ${world.stateDir} && ${forged}`;
    const refused = await fleetd({ FLEETD_RUNTIME_DIR: `${world.root}/other` }, ...elsewhere(script));
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stderr)).toMatchObject({
      error: { code: 'FLEET_STATE_LOCKED', message: expect.stringContaining(`pid ${supervisor} `) },
    });
    expect(await pids()).toEqual(before);
  });
});

const HAS_HISTORY = (() => {
  try {
    execFileSync('git', ['-C', REPOSITORY, 'cat-file', '-e', `${FIRST_RELEASE}^{commit}`], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!HAS_HISTORY)('an upgrade from 0.1.0 (needs the history of the repository)', () => {
  test('keeps every agent', async () => {
    world = new World();
    const old = `${world.root}/old`;
    mkdirSync(old);
    const archive = execFileSync('git', ['-C', REPOSITORY, 'archive', FIRST_RELEASE], { maxBuffer: 2 ** 30 });
    execFileSync('tar', ['-x', '-C', old], { input: archive });
    symlinkSync(`${REPOSITORY}/node_modules`, `${old}/node_modules`);
    const args = ['spawn', '20', '--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000'];
    execFileSync(`${old}/bin/fleetctl`, args, { env: world.env, stdio: 'ignore' });
    const before = await pids();
    expect(before).toHaveLength(20);
    // As an upgrade goes: the old one is stopped, or dies.
    for (const end of ['stop', 'kill'] as const) {
      if (end === 'stop') await world.ok('shutdown');
      else await world.killSupervisor();
      await world.ok('spawn', '20');
      expect(await pids()).toEqual(before);
    }
    expect(before.every((pid) => isRunning(pid!))).toBe(true);
    await world.ok('kill', '5');
    expect(await pids()).toEqual(before.slice(0, 15));
  });
});
