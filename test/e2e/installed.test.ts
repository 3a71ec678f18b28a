import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Collector } from './collector.ts';
import { until, World } from './harness.ts';

// What `npm pack` ships and `npm install` makes of it, without the network: the built files, and the dependencies that
// the package names and no others.

const PROJECT = new URL('../../', import.meta.url).pathname;
const { dependencies, files } = JSON.parse(readFileSync(`${PROJECT}package.json`, 'utf8')) as {
  dependencies: Record<string, string>;
  files: string[];
};

describe('the installed package', () => {
  let world: World;
  const telemetry = () => join(world.root, 'fleetd/dist/opentelemetry.cjs');
  beforeAll(() => {
    world = new World();
    const root = join(world.root, 'fleetd');
    for (const name of [...files.filter((file) => !/^!|^dist$/.test(file)), 'package.json'])
      cpSync(`${PROJECT}${name}`, join(root, name), { recursive: true });
    execFileSync(`${PROJECT}bin/with-node`, ['build/main.ts', join(root, 'dist')], { cwd: PROJECT });
    // Until telemetry is asked for, nothing needs its libraries.
    renameSync(telemetry(), join(world.root, 'telemetry'));
    mkdirSync(join(root, 'node_modules'));
    const needed = globSync('node-linux-*', { cwd: `${PROJECT}node_modules` });
    for (const name of [...Object.keys(dependencies), '@koromix', ...needed])
      symlinkSync(`${PROJECT}node_modules/${name}`, join(root, 'node_modules', name));
    world.program = join(root, 'bin/fleetctl');
  });
  afterAll(() => world.dispose());

  test('tells its version without Node, from wherever and however it is called', () => {
    const { version } = JSON.parse(readFileSync(`${PROJECT}package.json`, 'utf8')) as { version: string };
    const link = join(world.root, 'link');
    symlinkSync(world.program, link);
    const noNode = { env: { PATH: '/bin:/usr/bin', HOME: '/' }, encoding: 'utf8' } as const;
    const traced = execFileSync('sh', ['-x', world.program, '--version'], { ...noNode, stdio: 'pipe' });
    expect(traced).toBe(`${version}\n`);
    expect(execFileSync(link, ['--version'], noNode)).toBe(`${version}\n`);
    expect(execFileSync('./fleetctl', ['--version'], { ...noNode, cwd: join(world.program, '..') })).toBe(
      `${version}\n`,
    );
  });

  test('starts a supervisor, runs a fleet, keeps it over a kill −9, and stops it', async () => {
    await world.ok('spawn', '3', '--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000');
    const pids = (await world.ps()).map(({ pid }) => pid);
    const commandLine = readFileSync(`/proc/${world.supervisorPid()}/cmdline`, 'utf8');
    expect(commandLine).toContain('/fleetd/bin/../dist/fleetd.cjs');
    await world.killSupervisor();
    await world.ok('spawn', '3');
    expect((await world.ps()).map(({ pid }) => pid)).toEqual(pids);
    await world.ok('kill', '--all');
    expect(world.processes()).toEqual([]);
  });

  test('gives back the memory of files that only its start has needed', async () => {
    const fileKilobytes = () =>
      Number(/^RssFile:\s+(\d+)/m.exec(readFileSync(`/proc/${world.supervisorPid()}/status`, 'utf8'))![1]);
    const before = fileKilobytes();
    await until(() => fileKilobytes() < before / 2, undefined, 'half of the pages are given back');
    await world.ok('status');
  });

  test.each([
    ['init', '-f', 'new.yaml'],
    ['doctor', '--agents', '3'],
    ['plan'],
    ['strays'],
    ['completion', 'bash'],
    ['events'],
    ['metrics'],
    ['help', 'spawn'],
  ])('has what %s needs', async (...words) => {
    const { code, stdout, stderr } = await world.fleetctl(...words);
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).not.toBe('');
  });

  test('serves the dashboard with its script and the library of its charts', async () => {
    await world.ok('dashboard', '--json');
    const { url } = JSON.parse((await world.ok('dashboard', '--json')).stdout) as { url: string };
    const page = await (await fetch(url)).text();
    const scripts = [...page.matchAll(/src="([^"]+)"/g)].map(([, path]) => path!);
    expect(scripts.length).toBeGreaterThan(0);
    for (const path of scripts) {
      const script = await fetch(new URL(path, url));
      expect(script.headers.get('content-type')).toContain('javascript');
      const imported = /from ?"(\/vendor[^"]+)"/.exec(await script.text())?.[1];
      expect(await (await fetch(new URL(imported!, url))).text()).toContain('uPlot');
    }
  });

  test('reads what others can write in a process of its own', async () => {
    await world.ok('remove', '--fleet', 'web');
    world.write('secrets', 'A=1\n');
    world.write(
      'fleet.yaml',
      'name: two\ncommand: [sleep, "1000"]\ntarget: 1\nready: { after: 1ms }\nenvFile: secrets\n',
    );
    await world.ok('spawn', '-f', 'fleet.yaml');
    await until(() => world.processes().length === 1);
  });

  test('sends telemetry with the libraries that it loads for that', async () => {
    renameSync(join(world.root, 'telemetry'), telemetry());
    const collector = new Collector();
    await world.ok('shutdown', '--with-agents');
    world.env.OTEL_EXPORTER_OTLP_ENDPOINT = await collector.open();
    await world.ok('spawn', '2', '--fleet', 'two');
    await until(() => collector.spans.some(({ name }) => name === 'spawn'));
    await until(() => collector.logs.some(({ eventName }) => eventName === 'fleetd.start'));
    await world.endAll();
    collector.close();
  });
});
