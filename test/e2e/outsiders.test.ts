import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorDocument } from '../../src/errors/fleet-error.ts';
import { readRssBytes } from '../../src/host/proc/pid.ts';
import { canHang, HungMount } from '../host/hung.ts';
import { until, World } from './harness.ts';

const IS_ROOT = process.getuid!() === 0;
/** A supervisor that walks so many on its loop is away for long enough to be caught. */
const FILES = 60_000;
const MIB = 2 ** 20;

let world: World;
let hung: HungMount | null;
beforeEach(() => {
  world = new World();
  hung = null;
});
afterEach(async () => {
  hung?.dispose();
  await world.dispose();
});

function spec(name: string, changes: object = {}): string {
  const rounds = { delay: '0s' };
  const document = {
    name,
    command: ['sleep', '100000'],
    target: 1,
    ready: { after: '1ms' },
    rounds,
    ...changes,
  };
  return world.write(`${name}.json`, JSON.stringify(document));
}

/** Asks the supervisor over its socket, without the start of a command. */
function ask<T>(method: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const socketPath = join(world.runtimeDir, 'fleetd.sock');
    request({ socketPath, method, path, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.once('end', () => resolve(JSON.parse(text) as T));
    })
      .once('error', reject)
      .end();
  });
}

/** How often something else is answered while work is under way. */
async function answersDuring(work: Promise<unknown>, isUnderWay: () => boolean): Promise<number> {
  let answers = 0;
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await ask('GET', '/v1/status');
    if (!isOver && isUnderWay()) answers++;
  }
  await over;
  return answers;
}

describe('envFile', () => {
  const refusal = async (path: string) => {
    const { code, stdout } = await world.fleetctl('spawn', '-f', spec('web', { envFile: path }), '--json');
    expect(code).toBe(2);
    return (JSON.parse(stdout) as { error: ErrorDocument }).error.message;
  };

  test('that is no regular file, too large or no UTF-8 is refused by what it is, and nothing is registered', async () => {
    await world.ok('spawn', '-f', spec('other'));
    const fifo = join(world.root, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(await refusal(fifo)).toBe(`envFile: ${fifo} is a special file (FIFO), not a regular file`);
    expect(await refusal('/dev/zero')).toBe(
      'envFile: /dev/zero is a special file (device), not a regular file',
    );
    expect(await refusal('.')).toMatch(/is a directory, not a regular file$/);
    const large = world.write('large', '');
    truncateSync(large, 2 ** 40);
    expect(await refusal(large)).toBe(`envFile: ${large} has more than ${MIB} bytes`);
    const bytes = join(world.root, 'bytes');
    writeFileSync(bytes, Buffer.from('A=1\nSECRET=\xff\n', 'latin1'));
    expect(await refusal(bytes)).toBe(`envFile: line 2 of ${bytes} is not valid UTF-8`);
    expect((await world.status()).fleets.map(({ name }) => name)).toEqual(['other']);
  });

  test.skipIf(!canHang())(
    'on a file system that does not answer holds up nobody but its own command',
    async () => {
      await world.ok('spawn', '-f', spec('other'));
      hung = new HungMount(join(world.root, 'hung'));
      const path = join(hung.path, 'env');
      let isOver = false;
      const refused = refusal(path).finally(() => {
        isOver = true;
      });
      const answers = await answersDuring(refused, () => !isOver);
      expect(await refused).toBe(`envFile: ${path} could not be read within 5 s`);
      expect(answers).toBeGreaterThan(1);
    },
  );
});

test.skipIf(!canHang())(
  'a binary on a file system that hangs after it was found holds up nobody either',
  async () => {
    await world.ok('spawn', '-f', spec('other'));
    const fifo = join(world.root, 'program');
    execFileSync('mkfifo', ['-m', '755', fifo]);
    const { code, stderr } = await world.fleetctl(
      'spawn',
      '-f',
      spec('web', { binary: fifo, command: [fifo] }),
    );
    expect(code).toBe(2);
    expect(stderr).toContain('EXECUTABLE_UNUSABLE');
  },
);

describe('directories with many files', () => {
  const fill = (directory: string) => {
    mkdirSync(directory);
    for (let i = 0; i < FILES; i++) writeFileSync(join(directory, String(i)), '');
  };

  test('are purged while others are answered; the name is free at once, and nothing is left', async () => {
    await world.ok('spawn', '-f', spec('web'));
    await world.ok('spawn', '-f', spec('other'));
    fill(join(world.stateDir, 'fleets/web/0/many'));
    await world.ok('kill', '--all', '--fleet', 'web');
    const isThere = () =>
      readdirSync(join(world.stateDir, 'fleets')).some((name) => name.startsWith('.purg'));
    const removing = ask('DELETE', '/v1/fleets/web?purge=true');
    expect(await answersDuring(removing, isThere)).toBeGreaterThan(1);
    expect(await removing).toEqual({ fleet: 'web', known: true });
    expect(readdirSync(join(world.stateDir, 'fleets'))).toEqual(['other']);
    expect(readdirSync(join(world.stateDir, 'logs'))).toEqual(['other']);
  });

  test('whose purge was cut off are gone with the next supervisor; a fleet that was not forgotten keeps its own', async () => {
    await world.ok('spawn', '-f', spec('web'));
    await world.killSupervisor();
    const fleets = join(world.stateDir, 'fleets');
    mkdirSync(join(fleets, '.purged-old-0123456789ab/0'), { recursive: true });
    mkdirSync(join(fleets, '.purging-gone-0123456789ab/0'), { recursive: true });
    execFileSync('mv', [join(fleets, 'web'), join(fleets, '.purging-web-0123456789ab')]);
    await world.ok('spawn', '-f', spec('web'));
    await until(() => readdirSync(fleets).join() === 'web');
    expect(existsSync(join(fleets, 'web/0'))).toBe(true);
  });

  test.skipIf(!IS_ROOT)(
    'are given to another user before the start, while other fleets start and are answered',
    async () => {
      const [before, after] = [31_000, 32_000];
      await world.ok('spawn', '-f', spec('web', { user: { base: before } }));
      const directory = join(world.stateDir, 'fleets/web/0');
      const ownerOf = (path: string) => lstatSync(path).uid;
      fill(join(directory, 'many'));
      execFileSync('chown', ['-R', `${before}:${before}`, directory]);
      const changing = world.ok('spawn', '-f', spec('web', { user: { base: after } }), '--force');
      type Status = { fleets: { name: string; starting: number; ready: number }[] };
      const isHandedOver = async () => {
        const { fleets } = await ask<Status>('GET', '/v1/status');
        return fleets.find(({ name }) => name === 'web')!.starting === 1 && ownerOf(directory) === before;
      };
      await until(isHandedOver);
      await world.ok('spawn', '-f', spec('other'));
      await changing;
      expect([directory, join(directory, 'many'), join(directory, 'many/7')].map(ownerOf)).toEqual([
        after,
        after,
        after,
      ]);
      const told = (await world.events()).map(({ reason }) => reason);
      expect(told).toContain('its directories are being handed to its user');
    },
  );
});

test('a log that an agent makes gigabytes of nothing is followed without them', async () => {
  const command = ['perl', '-e', 'print "begun\\n"; $| = 1; truncate(STDOUT, 2 ** 31); sleep 1000'];
  await world.ok('spawn', '-f', spec('web', { command, logs: { maxSize: '8G' } }));
  await until(() => lstatSync(join(world.stateDir, 'logs/web/0.log')).size === 2 ** 31);
  const pid = world.supervisorPid()!;
  const before = readRssBytes(pid)!;
  const { stdout } = await world.ok('logs', '0', '--lines', '5');
  expect(stdout).toContain('bytes omitted here');
  expect(readRssBytes(pid)! - before).toBeLessThan(128 * MIB);
});

describe.skipIf(!IS_ROOT)('what root’s caller has in the environment', () => {
  const STRANGER = 31_000;
  const WITH_NODE = new URL('../../bin/with-node', import.meta.url).pathname;

  test('a state directory of another user is refused before anything in it is written', async () => {
    const victim = world.write('victim', 'as it was\n');
    mkdirSync(world.stateDir);
    symlinkSync(victim, join(world.stateDir, 'fleetd.out'));
    chownSync(world.stateDir, STRANGER, STRANGER);
    const ended = await world.fleetctl('watchdog');
    expect(ended.stdout + ended.stderr).toMatch(/belongs to uid 31000/);
    expect(readFileSync(victim, 'utf8')).toBe('as it was\n');
    expect(readdirSync(world.stateDir)).toEqual(['fleetd.out']);
  });

  test('compiled code is read from no directory that others have, or can put one into', () => {
    const [home, cache] = [join(world.root, 'home'), join(world.root, 'home/.cache')];
    const seen = () => {
      const env = { PATH: world.env.PATH!, HOME: home };
      return execFileSync(WITH_NODE, ['-p', 'process.env.NODE_COMPILE_CACHE ?? ""'], {
        env,
        encoding: 'utf8',
      });
    };
    mkdirSync(cache, { recursive: true });
    expect(seen()).toBe(`${cache}/fleetd\n`);
    chownSync(cache, STRANGER, STRANGER);
    expect(seen()).toBe('\n');
    chownSync(cache, 0, 0);
    chmodSync(home, 0o1777);
    expect(seen()).toBe('\n');
  });
});
