import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRunning, until, World } from './harness.ts';

let world: World;
let directory: string;
beforeEach(() => {
  world = new World();
  directory = join(world.root, 'config');
  mkdirSync(directory, { mode: 0o755 });
  world.env.FLEETD_CONFIG_DIR = directory;
});
afterEach(() => world.dispose());

function write(file: string, name: string, more: object = {}): string {
  const path = join(directory, file);
  const spec = { name, command: ['sleep', '1000'], target: 2, ready: { after: '10ms' }, ...more };
  writeFileSync(path, JSON.stringify(spec), { mode: 0o644 });
  return path;
}

async function reports(): Promise<string[]> {
  return (await world.events()).filter(({ type }) => type === 'config').map(({ reason }) => reason);
}

/** Tells the supervisor to read the files again, and waits until it has reported that. */
async function reload(report: string | RegExp): Promise<void> {
  const before = (await reports()).length;
  process.kill(world.supervisorPid()!, 'SIGHUP');
  await until(async () => (await reports()).slice(before).some((reason) => reason.match(report) !== null));
}

test('applies valid files at the start, and refuses the others with an event', async () => {
  const good = write('web.yaml', 'web');
  const open = write('open.yaml', 'open');
  chmodSync(open, 0o664);
  const invalid = write('invalid.yaml', 'invalid', { targte: 1 });
  const elsewhere = world.write('elsewhere.yaml', 'name: linked\ncommand: [sleep, "1000"]\ntarget: 1\n');
  const linked = join(directory, 'linked.yaml');
  symlinkSync(elsewhere, linked);
  const twice = [write('twice-1.yaml', 'twice'), write('twice-2.yaml', 'twice')];
  write('notes.txt', 'ignored');
  await world.ok('watchdog');
  await until(async () => (await reports()).length >= 6);
  const said = (await reports()).join('\n');
  expect(said).toContain(`${good} was applied`);
  expect(said).toContain(`${open} is refused: others can write to ${open}: its mode is 664`);
  expect(said).toContain(`${invalid} is refused: targte: unknown key; did you mean target?`);
  expect(said).toContain(`${linked} is refused: it is a link to ${elsewhere}`);
  for (const path of twice) {
    expect(said).toContain(`${path} is refused: fleet twice is described in ${twice.join(' and ')}`);
  }
  await until(async () => (await world.fleet('web')).ready === 2);
  expect((await world.status()).fleets.map(({ name }) => name)).toEqual(['web']);
});

test('a directory that others can write to is not obeyed', async () => {
  write('web.yaml', 'web');
  chmodSync(directory, 0o777);
  await world.ok('watchdog');
  await until(async () => (await reports()).length > 0);
  expect((await reports())[0]).toContain(`${directory} cannot be read: others can write to ${directory}`);
  expect((await world.status()).fleets).toEqual([]);
});

test('a target set by a command stays until the file states another one', async () => {
  write('web.yaml', 'web');
  await world.ok('watchdog');
  await until(async () => (await reports()).length === 1);
  await world.ok('spawn', '3', '--fleet', 'web');
  write('web.yaml', 'web', { labels: { team: 'edge' } });
  await reload('web.yaml was applied');
  expect(await world.fleet('web')).toMatchObject({ target: 3, labels: { team: 'edge' } });
  await world.killSupervisor();
  await world.ok('watchdog');
  write('x.yaml', 'x', { target: 0 });
  await reload('x.yaml was applied');
  expect((await world.fleet('web')).target).toBe(3);
  write('web.yaml', 'web', { labels: { team: 'edge' }, target: 1 });
  await reload('web.yaml was applied');
  expect((await world.fleet('web')).target).toBe(1);
});

test('takes over a fleet that was spawned by hand', async () => {
  await world.ok('spawn', '1', '--name', 'web', '--', 'sleep', '1000');
  write('web.yaml', 'web');
  await reload('web.yaml was applied');
  expect((await world.fleet('web')).target).toBe(2);
});

test('a file that disappears stops nothing, and is reported', async () => {
  const path = write('web.yaml', 'web');
  await world.ok('watchdog');
  await until(async () => (await world.status()).fleets[0]?.ready === 2);
  const pids = (await world.ps()).map(({ pid }) => pid!);
  rmSync(path);
  await reload(`${path} no longer describes the fleet, which stops nothing`);
  expect((await world.fleet('web')).target).toBe(2);
  expect(pids.every(isRunning)).toBe(true);
});
