import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { whyNoPidNamespace } from '../workshop/namespaces.ts';
import { nspawn, whyNoNspawn } from '../workshop/nspawn.ts';
import { Container, UNSHARE } from './container.ts';
import { until } from './harness.ts';

let world: Container;
beforeEach(async () => {
  world = new Container();
});
afterEach(() => world.dispose());

const lines = (name: string) => {
  const path = join(world.root, name);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
};

/** Writes a spec whose agents say in a file that they stop, take a while, and say that they have stopped. */
function writeStopping(more: string): void {
  world.write(
    'agent.sh',
    `#!/bin/sh
stop() { echo "stopping $FLEET_SLOT" >>${world.root}/said; sleep 0.3; echo "stopped $FLEET_SLOT" >>${world.root}/said; exit 0; }
trap stop TERM
while :; do sleep 0.05; done
`,
  );
  world.write(
    'fleet.yaml',
    `name: web\ncommand: [sh, ${world.root}/agent.sh]\nready: { after: 1ms }\nrounds: { parallel: 10, delay: 0s }\n${more}\n`,
  );
}

/** Writes a spec whose agents do not stop by themselves. */
function writeDeaf(grace: string): void {
  const command = `[sh, -c, 'trap "" TERM; while :; do sleep 0.1; done']`;
  world.write(
    'deaf.yaml',
    `name: deaf\ncommand: ${command}\nready: { after: 1ms }\nstop: { grace: ${grace} }\n`,
  );
}

/** The most agents that were stopping at a time. */
function stoppingMax(): number {
  let now = 0;
  return Math.max(0, ...lines('said').map((line) => (now += line.startsWith('stopping') ? 1 : -1)));
}

describe.skipIf(whyNoPidNamespace() !== null)('fleetd as PID 1', () => {
  test('reaps what is orphaned, and nobody loses an exit status to that', async () => {
    await world.boot();
    // Each agent leaves five children, which end after it has forked them, and then ends by itself.
    const child = `sh -c 'sleep 0.2; echo over >>${world.root}/ended' &`;
    world.write('agent.sh', `for i in 1 2 3 4 5; do (${child}) done; sleep 0.5; exit 7\n`);
    world.write(
      'fleet.yaml',
      `name: web\ncommand: [sh, ${world.root}/agent.sh]\nprepare: [sh, -c, "exit 0"]\nready: { after: 1ms }\n` +
        'restart: { backoff: { min: 1h, max: 1h }, storm: off }\nrounds: { parallel: 12, delay: 0s }\n',
    );
    await world.fleetctl('spawn', '12', '-f', 'fleet.yaml', '--timeout', '1s');
    await until(() => lines('ended').length === 60);
    await until(() => world.zombies() === 0);
    await until(async () => (await world.ps()).every(({ state }) => state === 'backoff'));
    const ends = (await world.ps()).map(({ lastExit }) => [lastExit?.code, lastExit?.signal]);
    expect(ends).toEqual(Array.from({ length: 12 }, () => [7, null]));
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGPWR'] as const)(
    '%s stops the agents, then ends',
    async (signal) => {
      await world.boot();
      writeStopping('stop: { grace: 30s, parallel: 2 }');
      await world.ok('spawn', '5', '-f', 'fleet.yaml');
      expect(world.signal(signal)).toBe(true);
      const { code, stderr } = await world.ended();
      expect(code).toBe(0);
      expect(lines('said').filter((line) => line.startsWith('stopped'))).toHaveLength(5);
      expect(stoppingMax()).toBe(2);
      expect(world.processes()).toEqual([]);
      const messages = stderr
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg);
      expect(messages).toEqual(['started', 'stopped']);
    },
  );

  test('what outlasts its grace is killed, and the rest has stopped by itself', async () => {
    await world.boot();
    writeStopping('stop: { grace: 1s }');
    await world.ok('spawn', '2', '-f', 'fleet.yaml');
    writeDeaf('1s');
    await world.ok('spawn', '1', '-f', 'deaf.yaml');
    world.signal('SIGTERM');
    expect((await world.ended()).code).toBe(0);
    expect(lines('said').filter((line) => line.startsWith('stopped'))).toHaveLength(2);
  });

  test('a second signal ends everything at once', async () => {
    await world.boot();
    writeDeaf('10m');
    await world.ok('spawn', '1', '-f', 'deaf.yaml');
    await until(() => !world.signal('SIGTERM'));
    expect((await world.ended()).code).toBe(143);
    expect(world.processes()).toEqual([]);
  });

  test('a shutdown by command stops the agents as well', async () => {
    await world.boot();
    writeStopping('stop: { grace: 30s }');
    await world.ok('spawn', '3', '-f', 'fleet.yaml');
    await world.client.call('shutdown', {}, {});
    expect((await world.ended()).code).toBe(0);
    expect(lines('said').filter((line) => line.startsWith('stopped'))).toHaveLength(3);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'after %s, a container on the same directories starts the same agents',
    async (signal) => {
      await world.boot();
      writeStopping('stop: { grace: 30s }');
      await world.ok('spawn', '3', '-f', 'fleet.yaml');
      world.signal(signal);
      await world.ended();
      expect(world.processes()).toEqual([]);
      await world.boot();
      await until(async () => (await world.fleet()).ready === 3);
      expect(world.processes().length).toBeGreaterThanOrEqual(3);
    },
  );

  test('a launcher that was killed is reaped, and replaced at the next start', async () => {
    await world.boot();
    process.kill(world.launcher, 'SIGKILL');
    await until(() => world.zombies() === 0);
    await world.ok('spawn', '2', '--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000');
  });

  test('without cgroups as well', async () => {
    const hide = 'umount -l "$(findmnt -nt cgroup2 -o TARGET | head -n1)"; exec "$@"';
    await world.boot([...UNSHARE, 'sh', '-c', hide, 'sh']);
    writeStopping('stop: { grace: 30s, parallel: 2 }');
    await world.ok('spawn', '4', '-f', 'fleet.yaml');
    expect(world.stderr).toContain('"containment":"session"');
    world.signal('SIGTERM');
    expect((await world.ended()).code).toBe(0);
    expect(lines('said').filter((line) => line.startsWith('stopped'))).toHaveLength(4);
  });

  test('a standard error that nobody reads keeps nothing waiting', async () => {
    // A reader that opens the pipe, fills it, and reads no more.
    const full =
      'mkfifo "$0"; exec 9<>"$0"; dd if=/dev/zero of=/proc/self/fd/9 bs=4k oflag=nonblock 2>&-; exec "$@" 2>&9';
    await world.boot([...UNSHARE, 'sh', '-c', full, join(world.root, 'pipe')]);
    await world.ok('spawn', '1', '--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000');
    world.signal('SIGTERM');
    expect((await world.ended()).code).toBe(0);
  });
});

describe.skipIf(whyNoNspawn() !== null)('fleetd as the program of systemd-nspawn', () => {
  test('serves, keeps its log, and stops its agents when the container is told to stop', async () => {
    await world.boot(nspawn(world.root));
    writeStopping('stop: { grace: 30s, parallel: 2 }');
    await world.ok('spawn', '4', '-f', 'fleet.yaml');
    expect((await world.status()).supervisor.pid).toBe(1);
    world.stop();
    const { code, stderr } = await world.ended();
    expect(code).toBe(0);
    expect(stderr).toContain('"msg":"stopped"');
    expect(lines('said').filter((line) => line.startsWith('stopped'))).toHaveLength(4);
  });
});
