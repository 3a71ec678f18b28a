import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { whyNoNetworks } from '../workshop/network.ts';
import { until, World } from './harness.ts';

/** Out of the way of outgoing connections, and of other test files where these share a network. */
const PORT = 24_000 + (process.pid % 900);
const AGENTS = 1_000;

let world: World;
const servers: Server[] = [];
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  await world.dispose();
});

/** A fleet of small web servers, each at its slot's address. */
function spec(changes: object = {}): string {
  const { name = 'web', ...more } = changes as { name?: string };
  const fleet = {
    name,
    command: ['busybox', 'httpd', '-f', '-p', '{address}:{port}', '-h', '{dir}'],
    ports: { same: PORT },
    addresses: { base: '127.16.0.0/16' },
    ready: { tcp: true, timeout: '30s' },
    rounds: { parallel: 100, delay: '0s' },
    ...more,
  };
  return world.write(`${name}.json`, JSON.stringify(fleet));
}

async function listen(host: string): Promise<void> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: PORT }, resolve);
  });
}

/** What the web server at an address answers. */
async function get(address: string, path: string): Promise<string> {
  return (await fetch(`http://${address}:${PORT}${path}`)).text();
}

test('a thousand agents serve one port, each at its own address', async () => {
  await world.ok('spawn', String(AGENTS), '-f', spec({ prepare: ['sh', '-c', 'echo {slot} > {dir}/slot'] }));
  const rows = await world.ps();
  expect(rows).toHaveLength(AGENTS);
  expect(rows[7]).toMatchObject({ slot: 7, state: 'ready', port: PORT, address: '127.16.0.8' });
  expect(rows[999]).toMatchObject({ slot: 999, state: 'ready', address: '127.16.3.232' });
  expect(rows[0]).not.toHaveProperty('ports');
  expect(await get('127.16.0.8', '/slot')).toBe('7\n');
  expect(await get('127.16.3.232', '/slot')).toBe('999\n');
  // One that fails comes back to its own address, whoever else serves the port.
  process.kill(rows[7]!.pid!, 'SIGKILL');
  await until(async () => {
    const row = (await world.ps()).find(({ slot }) => slot === 7);
    return row?.state === 'ready' && row.pid !== rows[7]!.pid;
  });
  expect(await get('127.16.0.8', '/slot')).toBe('7\n');
  expect((await world.ok('ps')).stdout).toMatch(/ADDRESS +PORT[\s\S]* 127\.16\.0\.8 +\d+/);
});

test('an agent that listens at any address is named, and does not become ready', async () => {
  const command = ['busybox', 'httpd', '-f', '-p', '{port}', '-h', '{dir}'];
  const file = spec({ command, ready: { tcp: true, timeout: '500ms' } });
  expect((await world.fleetctl('spawn', '1', '-f', file)).code).toBe(4);
  const stops = (await world.events()).filter(({ type }) => type === 'stop');
  expect(stops[0]?.reason).toMatch(
    new RegExp(`it listens on (0\\.0\\.0\\.0|\\[::\\]):${PORT}, not on 127\\.16\\.0\\.1:${PORT} alone`),
  );
});

test('who has the port at another address is in nobody’s way, who has it at all is', async () => {
  await listen('127.0.0.1');
  await world.ok('spawn', '2', '-f', spec());
  const apart = spec({ name: 'apart', addresses: { base: '127.17.0.0/16' } });
  await world.ok('spawn', '2', '-f', apart);
  const within = spec({ name: 'within', addresses: { base: '127.16.0.0/24' } });
  expect(await world.fleetctl('spawn', '1', '-f', within)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`slot 0 needs 127.16.0.1:${PORT}, which belongs to slot 0 of fleet web`),
  });
  expect((await world.fleetctl('kill', '--all', '--fleet', 'web')).code).toBe(0);
  expect((await world.fleetctl('kill', '--all', '--fleet', 'apart')).code).toBe(0);
  await new Promise((resolve) => servers.pop()!.close(resolve));
  await listen('0.0.0.0');
  expect(await world.fleetctl('spawn', '1', '--fleet', 'web')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`slot 0 needs tcp 127.16.0.1:${PORT}, held by pid ${process.pid} (`),
  });
});

test('agents are told their address and the ports that have names', async () => {
  const command = ['sh', '-c', 'env | sort > {dir}/env; exec sleep 100000'];
  const ports = { base: PORT, names: ['main', 'http-metrics'] };
  const file = spec({ command, ports, ready: { after: '100ms' } });
  await world.ok('spawn', '2', '-f', file);
  const [, second] = await world.ps();
  expect(second).toMatchObject({
    port: PORT + 2,
    ports: { main: PORT + 2, 'http-metrics': PORT + 3 },
    address: '127.16.0.2',
  });
  const env = execFileSync('grep', ['^FLEET_[AP]', `${second!.dir}/env`], { encoding: 'utf8' });
  expect(env.split('\n')).toEqual([
    'FLEET_ADDRESS=127.16.0.2',
    `FLEET_PORT=${PORT + 2}`,
    `FLEET_PORT_HTTP_METRICS=${PORT + 3}`,
    `FLEET_PORT_MAIN=${PORT + 2}`,
    '',
  ]);
});

/** What follows changes the network, which has to be this file's own. */
describe.skipIf(whyNoNetworks() !== null)('addresses that are not on every host', () => {
  const ip = (...args: string[]) => execFileSync('ip', args);

  /** Tells what doctor says about the host's addresses. */
  async function verdict(file: string): Promise<{ verdict: string; fix: string | null }> {
    const { stdout } = await world.fleetctl('doctor', '-f', file, '--agents', '2', '--json');
    const { findings } = JSON.parse(stdout) as {
      findings: { limit: string; verdict: string; fix: string | null }[];
    };
    return findings.find(({ limit }) => limit === 'addresses of this host')!;
  }

  const node = (address: string) =>
    `require('net').createServer().listen({{ port: ${PORT}, host: '${address}' }})`;

  test.each([
    ['10.9.0.0/16', '10.9.0.1', ['ip route add local 10.9.0.0/16 dev lo']],
    [
      'fd00:9::/64',
      'fd00:9::1',
      ['ip route add local fd00:9::/64 dev lo', 'sysctl -w net.ipv6.ip_nonlocal_bind=1'],
    ],
  ])('of %s are named with what is missing, and serve once that was done', async (base, first, commands) => {
    const command = [process.execPath, '-e', node('{address}')];
    const file = spec({ addresses: { base }, command });
    expect(await world.fleetctl('spawn', '2', '-f', file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        `FLEET_ADDRESS_MISSING: slot 0 needs the address ${first}[\\s\\S]*${commands.join(' && ')}`,
      ),
    });
    expect(await verdict(file)).toMatchObject({
      verdict: 'fail',
      fix: `${commands.join(' && ')}, now and at every boot`,
    });
    try {
      for (const each of commands) execFileSync(each.split(' ')[0]!, each.split(' ').slice(1));
      expect(await verdict(file)).toMatchObject({ verdict: 'ok', fix: null });
      await world.ok('spawn', '2', '-f', file);
      expect((await world.ps()).map(({ address, state }) => [address, state])).toEqual([
        [first, 'ready'],
        [first.replace(/1$/, '2'), 'ready'],
      ]);
    } finally {
      await world.fleetctl('kill', '--all');
      ip('route', 'del', 'local', base, 'dev', 'lo');
    }
  });

  test('of IPv6 on loopback', async () => {
    ip('addr', 'add', 'fd00:8::1/128', 'dev', 'lo');
    const file = spec({
      addresses: { base: 'fd00:8::/64' },
      command: [process.execPath, '-e', node('{address}')],
    });
    await world.ok('spawn', '1', '-f', file);
    expect(await world.ps()).toMatchObject([{ address: 'fd00:8::1', state: 'ready' }]);
  });
});
