import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OPERATIONS } from '../../src/api/operations.ts';
import { type Ended, until, World } from './harness.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const SECRET = 'hunter2-do-not-tell';
/** Ids without an entry in the host's databases. */
const READER = { uid: 100_001, gid: 100_002 };
const STRANGER = { uid: 100_003, gid: 100_004 };

describe.skipIf(process.getuid!() !== 0)('a group that may read (only root can become its members)', () => {
  let world: World;
  beforeEach(() => {
    world = new World({ FLEETD_GROUP: String(READER.gid) });
    chmodSync(world.root, 0o711);
  });
  afterEach(() => world.dispose());

  const socket = () => `${world.runtimeDir}/fleetd-read.sock`;
  const run = (uid: number, gid: number, program: string, ...args: string[]): Promise<Ended> =>
    new Promise((resolve) => {
      const argv = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', program, ...args];
      execFile('setpriv', argv, { env: world.env, cwd: '/' }, (error, stdout, stderr) =>
        resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
      );
    });
  const reader = (...args: string[]) => run(READER.uid, READER.gid, FLEETCTL, ...args);

  /** A fleet whose agents say a secret, have it in their environment, and then fail. */
  async function heldFleet(): Promise<void> {
    const spec = {
      name: 'web',
      command: ['sh', '-c', 'echo $TOKEN; exit 1'],
      env: { TOKEN: SECRET },
      target: 4,
      rounds: { delay: '0s' },
      restart: { storm: { failures: 1, within: '1m' }, backoff: { min: '10ms', max: '10ms' } },
    };
    await world.fleetctl('spawn', '-f', world.write('fleet.json', JSON.stringify(spec)));
    await until(async () => (await world.fleet()).held?.sample?.includes(SECRET) === true);
  }

  test('its members see the fleets by fleetctl, and change nothing', async () => {
    await heldFleet();
    expect((await world.ok('status', '--json')).stdout).toContain(SECRET);
    const status = await reader('status', '--json');
    expect(status.code, status.stderr).toBe(0);
    expect(status.stdout).not.toContain(SECRET);
    const { fleets } = JSON.parse(status.stdout) as { fleets: object[] };
    expect(fleets).toEqual([expect.objectContaining({ name: 'web', target: 4, held: expect.anything() })]);
    for (const command of [['ps'], ['releases'], ['metrics'], ['events', '--json'], ['rollout', 'status']]) {
      const { code, stdout, stderr } = await reader(...command);
      expect({ command, code, stderr }).toMatchObject({ code: 0 });
      expect(stdout).not.toContain(SECRET);
    }
    for (const command of [
      ['kill', '--all'],
      ['resume'],
      ['logs', '0'],
      ['dashboard'],
      ['maintenance', 'on'],
    ]) {
      const { code, stderr, stdout } = await reader(...command, '--json');
      expect({ command, code, error: JSON.parse(stdout || stderr) }).toMatchObject({
        code: 1,
        error: { error: { code: 'FLEET_SUPERVISOR_DENIED', exitCode: 1 } },
      });
    }
    expect(await world.fleet()).toMatchObject({
      target: 4,
      held: { sample: expect.stringContaining(SECRET) },
    });
  });

  test('no request to its socket tells a secret or changes anything, whatever its method', async () => {
    await heldFleet();
    for (const [name, { method, path, access }] of Object.entries(OPERATIONS)) {
      const url = path.replace('{fleet}', 'web').replace('{slot}', '0');
      const goal = name === 'watch' ? '?goal={"kind":"ready","target":1}' : '';
      const curl = [
        '-sg',
        '--max-time',
        '2',
        '-w',
        '\n%{http_code}',
        '-X',
        method,
        '--unix-socket',
        socket(),
      ];
      const body = method === 'GET' ? [] : ['-H', 'content-type: application/json', '-d', '{}'];
      const { stdout } = await run(READER.uid, READER.gid, 'curl', ...curl, ...body, `http://h${url}${goal}`);
      expect({ name, secret: stdout.includes(SECRET) }).toEqual({ name, secret: false });
      const status = Number(stdout.trimEnd().split('\n').at(-1));
      expect({ name, status }).toEqual({ name, status: access === 'read' ? 200 : 403 });
    }
    expect((await world.fleet()).held).not.toBeNull();
  });

  test('others open neither socket, and a socket that was deleted is made again as it was', async () => {
    await world.fleetctl('spawn', '1', '--name', 'web', '--', 'sleep', '100000');
    const stranger = await run(STRANGER.uid, STRANGER.gid, FLEETCTL, 'status');
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('permission denied') });
    unlinkSync(socket());
    await until(() => existsSync(socket()) && lstatSync(socket()).gid === READER.gid);
    const { uid, mode } = lstatSync(socket());
    expect({ uid, mode: (mode & 0o777).toString(8) }).toEqual({ uid: 0, mode: '660' });
    expect((await reader('status')).code).toBe(0);
    await world.ok('shutdown', '--with-agents');
    expect(existsSync(socket())).toBe(false);
  });

  test('a group that does not exist, or cannot reach the socket, is refused before anything starts', async () => {
    world.env.FLEETD_GROUP = 'no-such-group';
    const spawn = () => world.fleetctl('spawn', '1', '--name', 'web', '--', 'sleep', '100000');
    expect(await spawn()).toMatchObject({ code: 1, stderr: expect.stringContaining('no such group') });
    const closed = `${world.root}/closed`;
    mkdirSync(closed, { mode: 0o700 });
    Object.assign(world.env, { FLEETD_GROUP: String(READER.gid), FLEETD_RUNTIME_DIR: `${closed}/r` });
    const { code, stderr } = await spawn();
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${closed} has mode 700`),
    });
    expect(stderr).toContain(`chgrp ${READER.gid} ${closed} && chmod g+x ${closed}`);
    chownSync(closed, 0, READER.gid);
    chmodSync(closed, 0o710);
    expect((await spawn()).code).toBe(0);
    expect((await reader('status')).code).toBe(0);
    await world.ok('shutdown', '--with-agents');
  });

  test('a name is looked up in the host’s databases', async () => {
    world.env.FLEETD_GROUP = 'daemon';
    await world.fleetctl('spawn', '1', '--name', 'web', '--', 'sleep', '100000');
    const gid = Number(execFileSync('getent', ['group', 'daemon'], { encoding: 'utf8' }).split(':')[2]);
    expect(lstatSync(socket()).gid).toBe(gid);
  });
});
