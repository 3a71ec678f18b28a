import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** Where these daemons are not installed, there is nothing to try. */
const has = (...paths: string[]) => paths.every((path) => existsSync(path));

const spawn = (spec: object) =>
  world.ok(
    'spawn',
    '3',
    '-f',
    world.write('fleet.json', JSON.stringify({ name: 'web', rounds: { parallel: 1, delay: '0s' }, ...spec })),
  );
const pids = async () => (await world.ps()).map(({ pid }) => pid!);

/** Reloads the fleet; its agents stay the processes that they were. */
async function reload(): Promise<{ code: number; document: Record<string, unknown> }> {
  const before = await pids();
  const { code, stdout } = await world.fleetctl('reload', '--json');
  expect(await pids()).toEqual(before);
  expect((await world.fleet()).ready).toBe(3);
  return { code, document: JSON.parse(stdout) };
}

/** What the agents answer over HTTP. */
const answers = async (path = '/') =>
  Promise.all(
    (await world.ps()).map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}${path}`)).text()),
  );

describe.runIf(has('/usr/sbin/nginx'))('nginx', () => {
  const config = (answer: string) => `daemon off;
error_log stderr;
events { worker_connections 64; }
http { access_log off; server { include listen; location / { return 200 ${answer}; } } }
`;
  const NGINX = (file: string) => ({
    command: ['/usr/sbin/nginx', '-p', '{dir}', '-e', 'stderr', '-g', 'pid pid;', '-c', file],
    start: { before: ['sh', '-c', 'echo "listen 127.0.0.1:{port};" > listen'] },
    ports: { base: 24_400, protocol: 'tcp' },
    ready: { http: '/' },
    stop: { signal: 'SIGQUIT' },
  });
  /** Included files are looked up beside the configuration, so each slot has a copy of it. */
  const copied = (spec: ReturnType<typeof NGINX>, file: string) => ({
    ...spec,
    command: spec.command.with(-1, '{dir}/nginx.conf'),
    start: { before: ['sh', '-c', `${spec.start.before[2]}; ln -sf ${file} nginx.conf`] },
  });

  test('takes its new configuration on SIGHUP, and goes on with the old one where that is broken', async () => {
    const file = world.write('nginx.conf', config('old'));
    await spawn({ ...copied(NGINX(file), file), reload: { signal: 'SIGHUP' } });
    expect(await answers()).toEqual(['old', 'old', 'old']);
    world.write('nginx.conf', config('new'));
    expect(await reload()).toMatchObject({ code: 0, document: { reloaded: [0, 1, 2] } });
    expect(await answers()).toEqual(['new', 'new', 'new']);
    // It says so in its log alone, and serves: to its ready check, all is well.
    world.write('nginx.conf', 'nonsense;\n');
    expect((await reload()).code).toBe(0);
    expect(await answers()).toEqual(['new', 'new', 'new']);
    expect((await world.ok('logs', '0')).stdout).toMatch('unknown directive "nonsense"');
  });

  test('is not reloaded at all where the command tests the configuration first', async () => {
    const file = world.write('nginx.conf', config('old'));
    const test = `/usr/sbin/nginx -t -q -p {dir} -e stderr -g 'pid pid;' -c {dir}/nginx.conf && kill -HUP "$MAINPID"`;
    await spawn({ ...copied(NGINX(file), file), reload: { exec: ['sh', '-c', test] } });
    world.write('nginx.conf', config('new'));
    expect((await reload()).code).toBe(0);
    expect(await answers()).toEqual(['new', 'new', 'new']);
    world.write('nginx.conf', 'nonsense;\n');
    const { code, document } = await reload();
    expect(code).toBe(1);
    expect(document).toMatchObject({
      failed: [{ slot: 0, reason: 'reload.exec: exited 1' }],
      left: [1, 2],
      sample: expect.stringContaining('unknown directive "nonsense"'),
    });
    expect(await answers()).toEqual(['new', 'new', 'new']);
  });
});

describe.runIf(has('/usr/sbin/haproxy'))('haproxy', () => {
  const config = (answer: string) => `global
  master-worker
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind "127.0.0.1:\${FLEET_PORT}"
  http-request return status 200 content-type text/plain string ${answer}
`;

  test('with -Ws says RELOADING=1 and READY=1, and its workers are new ones', async () => {
    const file = world.write('haproxy.cfg', config('old'));
    await spawn({
      command: ['/usr/sbin/haproxy', '-Ws', '-f', file],
      ports: { base: 24_500, protocol: 'tcp' },
      ready: 'notify',
      reload: { signal: 'SIGUSR2' },
    });
    expect(await answers()).toEqual(['old', 'old', 'old']);
    world.write('haproxy.cfg', config('new'));
    expect(await reload()).toMatchObject({ code: 0, document: { reloaded: [0, 1, 2] } });
    await until(async () => (await answers()).every((answer) => answer === 'new'));
  });
});

describe.runIf(has('/usr/bin/redis-server', '/usr/bin/redis-cli'))('redis', () => {
  test('takes CONFIG SET from a command, and a refused one stops the reload', async () => {
    const limit = world.write('maxmemory', '10485760');
    const set = `redis-cli -e -p {port} CONFIG SET maxmemory "$(cat ${limit})"`;
    await spawn({
      command: ['redis-server', '--port', '{port}', '--save', '', '--maxmemory', '5242880'],
      ports: { base: 24_600, protocol: 'tcp' },
      reload: { exec: ['sh', '-c', set] },
    });
    const limits = async () =>
      (await world.ps()).map(({ port }) =>
        execFileSync('redis-cli', ['-p', String(port), 'CONFIG', 'GET', 'maxmemory'], { encoding: 'utf8' })
          .trim()
          .split('\n')
          .at(-1),
      );
    expect((await reload()).code).toBe(0);
    expect(await limits()).toEqual(['10485760', '10485760', '10485760']);
    world.write('maxmemory', 'much');
    const { code, document } = await reload();
    expect(code).toBe(1);
    expect(document).toMatchObject({ failed: [{ slot: 0, reason: 'reload.exec: exited 1' }], left: [1, 2] });
    expect(await limits()).toEqual(['10485760', '10485760', '10485760']);
  });
});

describe.runIf(has('/usr/bin/prometheus'))('prometheus', () => {
  test('reloads on a POST, and answers 500 where its configuration is broken', async () => {
    const file = world.write('prometheus.yml', 'global: { scrape_interval: 30s }\n');
    await spawn({
      command: [
        '/usr/bin/prometheus',
        `--config.file=${file}`,
        '--storage.tsdb.path={dir}/data',
        '--web.listen-address=127.0.0.1:{port}',
        '--web.enable-lifecycle',
      ],
      ports: { base: 24_700, protocol: 'tcp' },
      ready: { http: '/-/ready' },
      reload: { http: '/-/reload' },
    });
    world.write('prometheus.yml', 'global: { scrape_interval: 45s }\n');
    expect((await reload()).code).toBe(0);
    for (const answer of await answers('/api/v1/status/config'))
      expect(answer).toMatch('scrape_interval: 45s');
    world.write('prometheus.yml', 'nonsense: true\n');
    const { code, document } = await reload();
    expect(code).toBe(1);
    expect(document).toMatchObject({
      reloaded: [],
      failed: [{ slot: 0, reason: 'POST /-/reload: 500' }],
      left: [1, 2],
    });
  });
});
