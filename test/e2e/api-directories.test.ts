import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

const IS_ROOT = process.getuid!() === 0;
const SPAWN = ['spawn', '3', '--name', 'web', '--ready', 'after:10ms', '--', 'sleep', '1000'];

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('refuses to start where others could have a say, names what it is, and starts nothing', () => {
  const directories = () => [world.stateDir, world.runtimeDir];
  /** Each makes one directory unsafe, and gives it. */
  const unsafe: [string, (directory: string) => void, RegExp][] = [
    [
      'that everybody can write to',
      (path) => chmodSync(path, 0o777),
      /others can write to .*its mode is 777/,
    ],
    [
      'that its group can write to',
      (path) => chmodSync(path, 0o770),
      /others can write to .*its mode is 770/,
    ],
    ['below one that everybody can write to', () => chmodSync(world.root, 0o777), /others can replace .*777/],
  ];
  describe.each([0, 1])('directory %i of state and runtime', (which) => {
    test.each(unsafe)('%s', async (_what, harm, message) => {
      for (const path of directories()) mkdirSync(path, { mode: 0o700 });
      harm(directories()[which]!);
      const refused = await world.fleetctl(...SPAWN);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/^FLEET_STATE_UNUSABLE/m);
      expect(refused.stderr).toMatch(message);
      expect(refused.stderr).toMatch(/chmod/);
      expect(world.supervisorPid()).toBeNull();
      // Nothing half done: once it is safe, all of it works.
      for (const path of [world.root, ...directories()]) chmodSync(path, 0o700);
      await world.ok(...SPAWN);
    });

    test.runIf(IS_ROOT)('that belongs to somebody else', async () => {
      for (const path of directories()) mkdirSync(path, { mode: 0o700 });
      chownSync(directories()[which]!, 65_534, 65_534);
      const refused = await world.fleetctl(...SPAWN);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/belongs to uid 65534, not to the supervisor's user/);
    });
  });

  test.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, '')],
    ['a directory', (path) => mkdirSync(path)],
    ['a link', (path) => symlinkSync('/dev/null', path)],
  ])('%s in the place of its socket', async (_what, put) => {
    mkdirSync(world.runtimeDir, { mode: 0o700 });
    const socket = join(world.runtimeDir, 'fleetd.sock');
    put(socket);
    const refused = await world.fleetctl(...SPAWN);
    expect(refused.code, refused.stderr).toBe(1);
    expect(refused.stderr).toMatch(/fleetd\.sock is in the way: it is not a socket/);
    expect(existsSync(socket)).toBe(true);
  });
});

test('nobody but its user may open the socket, or look into the state', async () => {
  await world.ok(...SPAWN);
  expect(modeOf(join(world.runtimeDir, 'fleetd.sock')) & 0o077).toBe(0);
  expect(modeOf(world.stateDir) & 0o066).toBe(0);
  for (const name of ['fleetd.db', 'wanted.json', 'events.db'])
    expect(modeOf(join(world.stateDir, name)) & 0o077).toBe(0);
});

describe('a socket that is gone is made anew, and that is told', () => {
  const other = createServer((connection) => connection.destroy());
  afterAll(() => other.close());

  test.each<[string, () => void]>([
    ['deleted', () => rmSync(join(world.runtimeDir, 'fleetd.sock'))],
    ['deleted with its directory', () => rmSync(world.runtimeDir, { recursive: true })],
    [
      'another one in its place',
      () => {
        const socket = join(world.runtimeDir, 'fleetd.sock');
        rmSync(socket);
        other.listen(socket);
      },
    ],
  ])('%s', async (_what, harm) => {
    await world.ok(...SPAWN);
    const pid = world.supervisorPid();
    harm();
    await until(() => world.isServed());
    expect(world.supervisorPid()).toBe(pid);
    expect(
      (await world.events()).some(({ reason }) =>
        reason.includes('fleetd.sock had been deleted or replaced'),
      ),
    ).toBe(true);
    await world.ok('spawn', '5');
    expect((await world.fleet()).ready).toBe(5);
  });
});

test('reports that it did not run', async () => {
  await world.ok(...SPAWN);
  const pid = world.supervisorPid()!;
  process.kill(pid, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 7_500));
  process.kill(pid, 'SIGCONT');
  await until(async () =>
    (await world.events()).some(({ reason }) => /^the supervisor did not run for \d+s/.test(reason)),
  );
});
