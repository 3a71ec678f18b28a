import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { liveWithRedis } from '../long/redis.ts';
import { World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** Where these daemons are not installed, there is nothing to try. */
const has = (...paths: string[]) => paths.every((path) => existsSync(path));

describe.runIf(has('/usr/bin/redis-server'))('redis-server', () => {
  test(
    'answers on its own port and socket in every slot, through every change of the target',
    async () => {
      await liveWithRedis(world, { count: 60, portBase: 23_300 });
    },
    10 * 60_000,
  );
});

describe.runIf(has('/usr/bin/memcached'))('memcached', () => {
  test('is ready once its udp port is its own, and answers there', async () => {
    const spec = {
      name: 'cache',
      command: ['memcached', '-u', 'root', '-p', '0', '-U', '{port}', '-l', '127.0.0.1', '-t', '1'],
      ports: { base: 23_500, protocol: 'udp' },
      rounds: { parallel: 10, delay: '0s' },
    };
    await world.ok('spawn', '20', '-f', world.write('fleet.json', JSON.stringify(spec)));
    for (const { port } of await world.ps()) {
      const socket = createSocket('udp4');
      // The frame of a memcached datagram: request id, sequence, datagrams, reserved.
      socket.send(
        Buffer.concat([Buffer.from([0, 1, 0, 0, 0, 1, 0, 0]), Buffer.from('version\r\n')]),
        port!,
        '127.0.0.1',
      );
      const [answer] = (await once(socket, 'message')) as [Buffer];
      expect(answer.toString()).toContain('VERSION');
      socket.close();
    }
  });
});

describe.runIf(has('/usr/sbin/nginx'))('nginx', () => {
  test('forks workers that serve, and goes with all of them', async () => {
    const config = [
      'daemon off; pid {dir}/pid; error_log stderr;',
      'events { worker_connections 64; }',
      'http { access_log off; server { listen 127.0.0.1:{port}; location / { return 204; } } }',
    ].join(' ');
    const script =
      'sed "s|{{dir}}|$FLEET_DIR|; s|{{port}}|$FLEET_PORT|" "$0" > conf && exec nginx -p . -c "$FLEET_DIR/conf" -e stderr';
    const spec = {
      name: 'front',
      command: ['sh', '-c', script, world.write('nginx.conf', config)],
      ports: { base: 23_550, protocol: 'tcp' },
      ready: { http: '/' },
      health: { every: '1s' },
      rounds: { delay: '0s' },
      stop: { grace: '5s' },
    };
    await world.ok('spawn', '8', '-f', world.write('fleet.json', JSON.stringify(spec)));
    expect(world.processes().length).toBeGreaterThanOrEqual(16);
    for (const { port } of await world.ps())
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(204);
    await world.ok('restart');
    await world.ok('kill', '--all');
    expect(world.processes()).toEqual([]);
  });
});
