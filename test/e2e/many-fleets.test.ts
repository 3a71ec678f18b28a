import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
  mkdirSync(join(world.root, 'fleets'));
});
afterEach(() => world.dispose());

function spec(name: string, more: object = {}): string {
  const rounds = { parallel: 100, delay: '0s' };
  return JSON.stringify({
    name,
    command: ['sleep', '1000'],
    target: 2,
    rounds,
    ready: { after: '10ms' },
    ...more,
  });
}

async function running(): Promise<string[]> {
  return (await world.ps()).map(({ fleet, slot }) => `${fleet}/${slot}`);
}

test('takes several files, directories and documents together', async () => {
  world.write(
    'fleets/a.yaml',
    `${spec('a', { labels: { team: 'edge' } })}\n---\n${spec('b', { target: 1 })}\n`,
  );
  world.write('fleets/c.json', spec('c', { target: 1, labels: { team: 'edge', tier: 1 } }));
  world.write('fleets/.hidden.yaml', 'no: spec');
  world.write('d.yaml', spec('d', { target: 0 }));
  const { stdout } = await world.ok('spawn', '-f', 'fleets', '-f', 'd.yaml', '--json');
  const { fleets } = JSON.parse(stdout);
  expect(
    fleets.map(({ fleet, target, exitCode }: { fleet: string; target: number; exitCode: number }) => [
      fleet,
      target,
      exitCode,
    ]),
  ).toEqual([
    ['a', 2, 0],
    ['b', 1, 0],
    ['c', 1, 0],
    ['d', 0, 0],
  ]);
  expect(await running()).toEqual(['a/0', 'a/1', 'b/0', 'c/0']);
  const again = await world.ok('spawn', '-f', 'fleets', '-f', 'd.yaml');
  expect(again.stderr).toContain('4 of 4 fleets are as wanted.');

  const chosen = JSON.parse((await world.ok('ps', '-l', 'team=edge,tier', '--json')).stdout);
  expect(chosen.agents.map(({ fleet }: { fleet: string }) => fleet)).toEqual(['c']);
  const held = JSON.parse((await world.ok('hold', '-l', 'team=edge', '--json')).stdout);
  expect(held).toEqual({
    fleets: [
      { fleet: 'a', held: true },
      { fleet: 'c', held: true },
    ],
  });
  const restarted = await world.fleetctl('restart', '--all-fleets', '--json');
  expect(restarted.code).toBe(4);
  const results = JSON.parse(restarted.stdout).fleets as { fleet: string; exitCode: number }[];
  expect(results.map(({ fleet, exitCode }) => `${fleet} ${exitCode}`)).toEqual(['a 4', 'b 0', 'c 4', 'd 0']);
  await world.ok('kill', '--all', '--all-fleets');
  expect(world.processes()).toEqual([]);
});

test('all or none: what one fleet cannot have, none gets', async () => {
  const first = world.write('a.yaml', spec('a', { ports: { base: 21_000 }, ready: { after: '10ms' } }));
  const ports = { base: 21_001, protocol: 'tcp' };
  const second = world.write('b.yaml', spec('b', { ports, ready: { after: '10ms' } }));
  const overlapping = await world.fleetctl('spawn', '-f', first, '-f', second);
  expect(overlapping).toMatchObject({ code: 1, stderr: expect.stringContaining('FLEET_PORT_TAKEN') });
  expect(overlapping.stderr).toMatch(/a: slot 1 needs port 21001, which belongs to slot 0 of fleet b/);
  const missing = world.write('c.yaml', spec('c', { command: ['/no/such/program'] }));
  const unusable = await world.fleetctl('spawn', '-f', first, '-f', missing);
  expect(unusable).toMatchObject({ code: 2, stderr: expect.stringContaining('c: command[0]: ') });
  const twice = await world.fleetctl('spawn', '-f', first, '-f', world.write('d.yaml', spec('a')));
  expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining('both describe fleet a') });
  expect((await world.fleetctl('spawn', '5', '-f', first, '-f', missing)).code).toBe(2);
  expect((await world.status()).fleets).toEqual([]);
});

test('a dry run says what would be done, and does nothing', async () => {
  const file = world.write('a.yaml', spec('a', { env: { MODE: 'x' } }));
  const first = JSON.parse((await world.ok('spawn', '-f', file, '--dry-run', '--json')).stdout);
  expect(first.fleets).toMatchObject([
    { fleet: 'a', action: 'create', target: { from: null, to: 2 }, starts: 2 },
  ]);
  expect(world.supervisorPid()).toBe(null);
  await world.ok('spawn', '-f', file);
  const { release } = await world.fleet('a');
  const same = JSON.parse((await world.ok('spawn', '-f', file, '--dry-run', '--json')).stdout);
  expect(same.fleets).toMatchObject([{ action: 'none', changes: [], problems: [] }]);

  world.write('a.yaml', spec('a', { env: { MODE: 'y' }, target: 3, stop: { grace: '5s' } }));
  const { stdout } = await world.ok('spawn', '-f', file, '--dry-run');
  expect(stdout).toMatch(
    /^a: would change\n {2}target {3}2 → 3\n {2}release {2}\w+ → \w+\n {2}starts {3}1 \(slots 2\)\n/,
  );
  expect(stdout).toContain('  - env.MODE: x\n  + env.MODE: y\n');
  expect(stdout).toContain('  - stop.grace: 30s\n  + stop.grace: 5s\n');
  const update = JSON.parse((await world.ok('rolling-update', '-f', file, '--dry-run', '--json')).stdout);
  expect(update.fleets).toMatchObject([
    { release: { from: release }, replaces: 2, starts: 0, slots: { replaces: '0-1' } },
  ]);
  expect(await world.fleet('a')).toMatchObject({ target: 2, release });
  const { releases } = await world.client.call('releases', { fleet: 'a' });
  expect(releases.map((row) => row.release)).toEqual([release]);

  world.write('a.yaml', spec('a', { ports: { base: 21_010 }, ready: { after: '10ms' } }));
  const refused = await world.fleetctl('spawn', '-f', file, '--dry-run', '--json');
  expect(refused.code).toBe(2);
  const [preview] = JSON.parse(refused.stdout).fleets;
  expect(preview).toMatchObject({ replaces: 2, problems: [{ code: 'FLEET_SPEC_FIXED' }] });
});

test('an agent sees the labels of its fleet, and a changed label is a new release', async () => {
  const command = ['sh', '-c', 'echo "$TEAM $0"; exec sleep 1000', '{label.team}'];
  const labelled = (team: string) =>
    spec('a', { command, env: { TEAM: '{label.team}' }, labels: { team }, target: 1 });
  const file = world.write('a.yaml', labelled('edge'));
  await world.ok('spawn', '-f', file);
  expect((await world.ok('logs', '0')).stdout).toBe('edge edge\n');
  const { release } = await world.fleet('a');
  world.write('a.yaml', labelled('core'));
  await world.ok('spawn', '-f', file);
  expect((await world.fleet('a')).release).not.toBe(release);
  await world.ok('restart', '--latest');
  expect((await world.ok('logs', '0', '--lines', '1')).stdout).toBe('core core\n');
});

test('kill of more than there are is refused, and stops none', async () => {
  await world.ok('spawn', '-f', world.write('a.yaml', spec('a')));
  const { code, stderr } = await world.fleetctl('kill', '3');
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      'FLEET_USAGE: fleet a has 2 agents, fewer than 3\n  Give a smaller COUNT; fleetctl kill --all stops every agent.\n',
  });
  expect(await running()).toEqual(['a/0', 'a/1']);
});
