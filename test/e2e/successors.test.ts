import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseSlots } from '../../src/specification/slots.ts';
import { until, World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** Where these daemons are not installed, there is nothing to try. */
const has = (...paths: string[]) => paths.every((path) => existsSync(path));

const spawn = (spec: object) =>
  world.ok('spawn', '1', '-f', world.write('fleet.json', JSON.stringify({ name: 'web', ...spec })));
const mainPid = async () => (await world.ps())[0]!.pid!;
const inDir = (name: string) => join(world.stateDir, 'fleets/web/0', name);
const answers = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`)).status;
const successors = async () =>
  (await world.events()).filter(({ type }) => type === 'successor').map(({ reason }) => reason);

/** Its main process has a successor, which the agent is from then on, also for the next supervisor. */
async function isSucceeded(by: number, port: number): Promise<void> {
  await until(async () => (await mainPid()) === by);
  expect((await successors()).at(-1)).toBe(`process ${by} is its main process from now on (pidFile)`);
  expect((await world.ps())[0]).toMatchObject({ state: 'ready', restarts: 0 });
  await world.killSupervisor();
  await world.ok('spawn', '1');
  expect((await world.ps())[0]).toMatchObject({ state: 'ready', restarts: 0, pid: by });
  expect(await answers(port)).toBe(200);
  await world.ok('kill', '--all');
  expect(world.processes()).toEqual([]);
}

describe.runIf(has('/usr/bin/gunicorn'))('gunicorn', () => {
  test('goes on over an upgrade by USR2, which leaves a new master', async () => {
    const port = 24_100;
    world.write('app.py', 'def app(environ, start):\n    start("200 OK", [])\n    return [b"ok"]\n');
    await spawn({
      command: [
        'gunicorn',
        '-w',
        '2',
        '-b',
        '127.0.0.1:{port}',
        '-p',
        '{dir}/app.pid',
        '--chdir',
        world.root,
        'app:app',
      ],
      ports: { base: port },
      ready: 'tcp',
      pidFile: '{dir}/app.pid',
    });
    const old = await mainPid();
    process.kill(old, 'SIGUSR2');
    await until(() => existsSync(inDir('app.pid.2')));
    const next = Number(readFileSync(inDir('app.pid.2'), 'utf8'));
    await until(async () => (await answers(port)) === 200);
    process.kill(old, 'SIGQUIT');
    await isSucceeded(next, port);
  });
});

describe.runIf(has('/usr/sbin/nginx'))('nginx', () => {
  test('becomes a daemon, and goes on over an upgrade by USR2', async () => {
    const port = 24_200;
    const config = [
      'pid {dir}/pid; error_log stderr;',
      'events {{ worker_connections 64; }}',
      'http {{ access_log off; server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }} }}',
    ].join(' ');
    await spawn({
      command: ['/usr/sbin/nginx', '-p', '{dir}', '-e', 'stderr', '-c', '{dir}/conf'],
      start: { before: ['sh', '-c', `echo '${config}' > conf`] },
      ports: { base: port },
      ready: 'tcp',
      pidFile: '{dir}/pid',
      stop: { signal: 'SIGQUIT' },
    });
    // The process that was started forks the daemon, and ends.
    await until(async () => (await successors()).length === 1);
    const old = await mainPid();
    expect(Number(readFileSync(inDir('pid'), 'utf8'))).toBe(old);
    process.kill(old, 'SIGUSR2');
    await until(() => existsSync(inDir('pid.oldbin')) && existsSync(inDir('pid')));
    const next = Number(readFileSync(inDir('pid'), 'utf8'));
    process.kill(old, 'SIGQUIT');
    await isSucceeded(next, port);
  });
});

describe.runIf(has('/usr/sbin/haproxy'))('haproxy', () => {
  test('with -Ws reloads by USR2 in the same master, and stops itself in order', async () => {
    const port = 24_300;
    const config = `global
  master-worker
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:${port}
  http-request return status 200
`;
    const file = world.write('haproxy.cfg', config);
    await spawn({ command: ['/usr/sbin/haproxy', '-Ws', '-f', file], ready: 'notify' });
    const master = await mainPid();
    const workers = () => world.processes().filter((pid) => pid !== master);
    const before = workers();
    process.kill(master, 'SIGUSR2');
    await until(() => workers().length > 0 && workers().every((pid) => !before.includes(pid)));
    await until(async () => (await answers(port)) === 200);
    expect(await mainPid()).toBe(master);
    process.kill(master, 'SIGTERM');
    await until(async () => (await world.ps())[0]!.restarts === 1);
    const stops = (await world.events()).filter(({ type }) => type === 'stop').map(({ reason }) => reason);
    expect(stops).toEqual(['it has said STOPPING=1']);
  });
});

test('what agents say before they end is heard, though both come at once', async () => {
  const say = `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $ENV{{NOTIFY_SOCKET}}) or die $!;
$SIG{{TERM}} = sub {{ $s->send("STOPPING=1"); exit 0 }}; $s->send("READY=1"); sleep 1 while 1`;
  const agents = 30;
  world.write(
    'fleet.json',
    JSON.stringify({
      name: 'web',
      command: ['perl', '-e', say],
      ready: { notify: true },
      rounds: { parallel: agents, delay: '0s' },
      restart: { storm: 'off' },
    }),
  );
  await world.ok('spawn', String(agents), '-f', 'fleet.json');
  for (const { pid } of await world.ps()) process.kill(pid!, 'SIGTERM');
  await until(async () =>
    (await world.ps()).every(({ restarts, state }) => restarts === 1 && state === 'ready'),
  );
  const stops = (await world.events()).filter(({ reason }) => reason === 'it has said STOPPING=1');
  expect(stops.flatMap(({ slots }) => [...parseSlots(slots!)])).toHaveLength(agents);
});
