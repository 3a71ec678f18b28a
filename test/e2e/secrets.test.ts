import { globSync, lstatSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { listPids } from '../../src/host/proc/pid.ts';
import { readProcText } from '../../src/host/proc/read.ts';
import { until, World } from './harness.ts';

/** Unlike anything else on this host. */
const SECRET = `hunter2-${process.pid}-${process.hrtime.bigint()}`;
/** What the commands that need more than their name are given; the rest run without arguments. */
const ARGUMENTS: Record<string, string[][]> = {
  spawn: [['3'], ['-f', 'web.yaml'], ['-f', 'broken.yaml'], ['-f', 'missing.yaml']],
  kill: [['1']],
  'rolling-update': [['-f', 'next.yaml', '--batch', '2', '--wait', '0s']],
  rollout: [['status']],
  rollback: [[]],
  logs: [['0']],
  metrics: [[]],
  dashboard: [['--port', '0']],
  maintenance: [['on', '--for', '1m'], ['off']],
  plan: [['--agents', '10']],
  doctor: [['--agents', '10']],
  completion: [['bash']],
};
/** Not run here: they change the host, show a screen, or end what the test needs. */
const LEFT_OUT = new Set(['install', 'uninstall', 'top', 'init', 'shutdown', 'remove']);
const ADDRESSES = [
  'status',
  'agents',
  'events',
  'fleets/web',
  'fleets/web/releases',
  'fleets/web/rollout',
  'metrics',
];

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

function writeSpecs(): void {
  const spec = (name: string, more: string) =>
    world.write(
      `${name}.yaml`,
      `name: web\nenvFile: ./secret.env\nready: { exec: ["true"] }\nprepare: ["true"]\nrounds: { parallel: 10, delay: 0s }\n${more}\n`,
    );
  world.write('secret.env', `TOKEN=${SECRET}\nexport OTHER='${SECRET}'\n`);
  world.write('broken.env', `TOKEN=x\n${SECRET}\n`);
  spec('web', 'command: [sleep, "100000"]\ntarget: 3');
  spec('next', 'command: [sleep, "100001"]');
  world.write('broken.yaml', 'name: web\ncommand: [sleep, "100000"]\nenvFile: ./broken.env\n');
  spec('failing', 'command: [sh, -c, "exit 3"]\nrestart: { backoff: { min: 10ms, max: 50ms } }');
}

/** The words of every process on this host; those of helpers are there for a moment only. */
function watchWords(): { words: Set<string>; stop: () => void } {
  const words = new Set<string>();
  const timer = setInterval(() => {
    for (const pid of listPids()) words.add(readProcText(`/proc/${pid}/cmdline`) ?? '');
  }, 20);
  return { words, stop: () => clearInterval(timer) };
}

const get = (path: string) =>
  new Promise<string>((resolve, reject) => {
    request({ socketPath: join(world.runtimeDir, 'fleetd.sock'), path }, (response) => {
      let text = '';
      response.on('data', (data) => (text += data)).on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });

test('an envFile’s values are told by no command, answer, metric, event, log, error or process’s words', async () => {
  writeSpecs();
  const seen: [where: string, what: string][] = [];
  const run = async (...args: string[]) => {
    const { stdout, stderr } = await world.fleetctl(...args);
    seen.push([args.join(' '), stdout + stderr]);
  };
  const { words, stop } = watchWords();
  await world.ok('spawn', '-f', 'web.yaml');
  const [agent] = await world.ps();
  expect(readFileSync(`/proc/${agent!.pid}/environ`, 'utf8').split(SECRET)).toHaveLength(3);
  for (const { name } of COMMANDS) {
    if (LEFT_OUT.has(name)) continue;
    for (const args of ARGUMENTS[name] ?? [[]]) {
      await run(name, ...args);
      await run(name, ...args, '--json');
    }
  }
  for (const address of ADDRESSES) seen.push([address, await get(`/v1/${address}`)]);
  await run('spawn', '2', '-f', 'failing.yaml', '--force');
  await run('restart', '--latest');
  await until(async () => (await world.events()).some(({ type }) => type === 'exit'));
  await run('events', '--json');
  stop();
  seen.push(['processes', [...words].join('\n')]);
  expect(words.size).toBeGreaterThan(5);
  expect(seen.filter(([, what]) => what.includes(SECRET)).map(([where]) => where)).toEqual([]);

  // The store must know them to start agents again; nothing else may, and nobody else may read it.
  const files = globSync(`${world.root}/{s,r}/**`, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(SECRET));
  expect(files.filter((path) => !/\/s\/(fleetd\.db(-wal)?|wanted\.json)$/.test(path))).toEqual([]);
  for (const path of files) expect([path, (lstatSync(path).mode & 0o777).toString(8)]).toEqual([path, '600']);
});
