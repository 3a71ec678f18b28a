import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { World } from './harness.ts';

/** Out of the way of outgoing connections (net.ipv4.ip_local_port_range begins at 32768), and of other test files. */
const PORT_BASE = 29_000 + (process.pid % 300) * 10;

/** Listens at the port of its environment or argument, and says hello there. */
const SERVER = `
const { createServer } = require('node:net');
const port = Number(process.env.PORT ?? process.argv[2]);
createServer((connection) => connection.end('hello from ' + port)).listen(port, '127.0.0.1');
`;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

test('a supervisord.conf of fifty processes runs as it was imported', async () => {
  world.write(
    'supervisord.conf',
    `[supervisord]
nodaemon=true
environment=REGION="north"

[program:sensor]
command=sleep 10%(process_num)02d
process_name=%(program_name)s_%(process_num)02d
numprocs=50
autorestart=true
startsecs=0
startretries=5
stopsignal=INT
stopwaitsecs=5
stopasgroup=true
environment=SHARD="%(process_num)02d"
redirect_stderr=true
stdout_logfile_maxbytes=2MB
priority=10
`,
  );
  const { stderr } = await world.ok('import', 'supervisord.conf');
  expect(stderr).toMatch(/priority/);
  await world.ok('spawn', '-f', 'sensor.yaml');
  const agents = await world.ps();
  expect(agents.map(({ slot, state }) => [slot, state])).toEqual(
    Array.from({ length: 50 }, (_, slot) => [slot, 'ready']),
  );
  const { pid } = agents[7]!;
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBe('sleep\x001007\0');
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')).toEqual(
    expect.arrayContaining(['SHARD=07', 'REGION=north']),
  );
});

test('an ecosystem file of three apps runs as it was imported', async () => {
  // Node is not in the path of agents on every host.
  const interpreter = JSON.stringify(process.execPath);
  world.write('api.js', SERVER);
  world.write('worker.js', 'setInterval(() => {}, 1000); console.log(process.argv.slice(2).join());');
  world.write('sync.sh', 'while sleep 1; do :; done\n');
  world.write(
    'ecosystem.config.js',
    `const common = { interpreter: ${interpreter}, kill_timeout: 5000 };
module.exports = {
  apps: [
    { ...common, name: 'api', script: 'api.js', instances: 3, exec_mode: 'cluster', env: { PORT: ${PORT_BASE} }, wait_ready: true },
    { ...common, name: 'worker', script: './worker.js', args: '--queue "mail out"', max_memory_restart: '200M' },
    { name: 'sync', script: 'sync.sh', watch: false, cron_restart: '0 3 * * *' },
  ],
};
`,
  );
  await world.ok('import', 'ecosystem.config.js');
  for (const name of ['api', 'worker', 'sync']) await world.ok('spawn', '-f', `${name}.yaml`);
  const { fleets } = await world.status();
  expect(fleets.map(({ name, ready }) => [name, ready]).sort()).toEqual([
    ['api', 3],
    ['sync', 1],
    ['worker', 1],
  ]);
  expect(await greeting(PORT_BASE + 2)).toBe(`hello from ${PORT_BASE + 2}`);
  expect((await world.ok('logs', '0', '--fleet', 'worker')).stdout).toContain('--queue,mail out');
});

test('a systemd template with its enabled instances runs as it was imported', async () => {
  world.write('server.js', SERVER);
  world.write(
    'greeter@.service',
    `[Unit]
Description=Greeter at %i
After=network.target

[Service]
Type=simple
ExecStart=${process.execPath} ${join(world.root, 'server.js')} %i
Restart=always
RestartSec=1
TimeoutStopSec=10
LimitNOFILE=1024

[Install]
WantedBy=multi-user.target
`,
  );
  mkdirSync(join(world.root, 'multi-user.target.wants'));
  for (const port of [PORT_BASE + 5, PORT_BASE + 6]) {
    symlinkSync(
      '../greeter@.service',
      join(world.root, 'multi-user.target.wants', `greeter@${port}.service`),
    );
  }
  await world.ok('import', 'greeter@.service');
  await world.ok('spawn', '-f', 'greeter.yaml');
  expect((await world.ps()).map(({ port, state }) => [port, state])).toEqual([
    [PORT_BASE + 5, 'ready'],
    [PORT_BASE + 6, 'ready'],
  ]);
  expect(await greeting(PORT_BASE + 6)).toBe(`hello from ${PORT_BASE + 6}`);
});

/** What a server at a port says. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    connect(port, '127.0.0.1')
      .on('data', (data) => {
        text += data;
      })
      .on('end', () => resolve(text))
      .on('error', reject);
  });
}
