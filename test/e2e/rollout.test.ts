import { chmodSync, copyFileSync, existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';
import { ask, fleetOf, releases, rollout, watchPorts } from './rollouts.ts';

const BASE = 26_100;
const COUNT = 12;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

async function pids(): Promise<(number | null)[]> {
  return (await world.ps()).map(({ pid }) => pid);
}

describe('a bad release goes back by itself, in its first batch', () => {
  const cases = {
    'exits at once': [{ EXIT_AT_ONCE: '1' }, 'exited 1'],
    'never becomes ready': [{ NEVER_READY: '1' }, 'not ready within 3 s'],
    'crashes after a while': [{ CRASH_S: '0.7' }, 'killed by SIGSEGV'],
    'uses three times the memory': [{ BALLAST_BYTES: '40000000' }, 'of memory, those of'],
    'is much slower to become ready': [{ READY_S: '2' }, 'to become ready, those of'],
  } as const;

  test.each(Object.entries(cases))('one that %s', async (_name, [env, reason]) => {
    await world.ok('spawn', String(COUNT), '-f', fleetOf(world, BASE, {}));
    const before = await pids();
    const bad = fleetOf(world, BASE, { NAME: 'bad', ...env });
    const { code, stderr } = await world.fleetctl('rolling-update', '-f', bad);
    expect(stderr).toContain(reason);
    expect(stderr).toContain('FLEET_ROLLED_BACK');
    expect(code).toBe(4);
    const { state, verdicts, updated, from } = await rollout(world);
    expect({ state, updated, verdicts: verdicts.length }).toEqual({
      state: 'rolled-back',
      updated: 0,
      verdicts: 1,
    });
    expect(await world.fleet()).toMatchObject({ release: from, ready: COUNT, held: null });
    expect((await pids()).slice(4)).toEqual(before.slice(4));
    expect((await world.ps()).map(({ release }) => release)).toEqual(Array(COUNT).fill(from));
  });

  test('and what it said is told', async () => {
    await world.ok('spawn', '4', '-f', fleetOf(world, BASE, {}));
    const bad = fleetOf(world, BASE, { NAME: 'bad', EXIT_AT_ONCE: '1' });
    const { stderr } = await world.fleetctl('rolling-update', '-f', bad, '--canary', '1');
    expect(stderr).toContain('canary BAD: the only agent failed: exited 1 (slot 0)');
    expect(stderr).toContain('  | cannot read my configuration');
  });

  test('unless the user wants to look first', async () => {
    await world.ok('spawn', '4', '-f', fleetOf(world, BASE, {}));
    const bad = fleetOf(world, BASE, { EXIT_AT_ONCE: '1' });
    const { code, stderr } = await world.fleetctl(
      'rolling-update',
      '-f',
      bad,
      '--batch',
      '1',
      '--no-rollback',
    );
    expect([code, stderr]).toEqual([4, expect.stringContaining('FLEET_HELD')]);
    expect(await world.fleet()).toMatchObject({ rollout: { state: 'paused' }, ready: 3 });
    await world.ok('rollout', 'abort');
    expect(await world.fleet()).toMatchObject({ rollout: { state: 'rolled-back' }, ready: 4, held: null });
  });
});

test('a good release replaces every agent once, and never more than a batch is down', async () => {
  await world.ok('spawn', String(COUNT), '-f', fleetOf(world, BASE, {}));
  const before = await world.ps();
  const watch = watchPorts(before.map(({ port }) => port!));
  const next = fleetOf(world, BASE, { NAME: 'next' });
  const { stderr } = await world.ok('rolling-update', '-f', next, '--label', 'v2', '--wait', '300ms');
  expect(await watch.stop()).toBeLessThanOrEqual(4);
  expect(stderr).toContain('batch 3 good: 4 of 4 ready in ');
  const after = await world.ps();
  const places = ({ slot, port, socket, dir }: (typeof after)[number]) => [slot, port, socket, dir];
  expect(after.map(places)).toEqual(before.map(places));
  const old = new Set(before.map(({ pid }) => pid));
  expect(after.filter(({ pid }) => old.has(pid))).toEqual([]);
  expect(await releases(world)).toMatchObject([
    { label: 'v2', agents: COUNT, current: true },
    { label: null, agents: 0, current: false },
  ]);

  const again = await world.ok('rolling-update', '-f', next);
  expect(again.stderr).toContain('nothing is replaced');
  expect(await pids()).toEqual(after.map(({ pid }) => pid));

  await world.ok('rollback');
  expect(await world.fleet()).toMatchObject({
    rollout: { state: 'rolled-back' },
    release: before[0]!.release,
    ready: COUNT,
  });
  // Undoing an update that led to an older release leads to the newer one again.
  await world.ok('rolling-update', '-f', next, '--wait', '0s');
  await world.ok('rolling-update', '-f', fleetOf(world, BASE, {}), '--wait', '0s');
  await world.ok('rollback');
  expect((await world.ps()).map(({ release }) => release)).toEqual(after.map(({ release }) => release));
  await world.ok('rollback', '--to', before[0]!.release!);
  await world.ok('rollback', '--to', 'v2');
  expect((await world.ps()).map(({ release }) => release)).toEqual(after.map(({ release }) => release));
});

describe.runIf(existsSync('/usr/bin/redis-server'))('redis-server', () => {
  const redis = (level: string) =>
    world.write(
      `redis-${level}.json`,
      JSON.stringify({
        name: 'redis',
        command: [
          'redis-server',
          '--port',
          '{port}',
          '--dir',
          '{dir}',
          '--appendonly',
          'yes',
          '--loglevel',
          level,
        ],
        ports: { base: BASE + 100, protocol: 'tcp' },
        rounds: { parallel: 5, delay: '0s' },
        update: { batch: 5, wait: '500ms' },
      }),
    );

  test('keeps the data of every slot', async () => {
    await world.ok('spawn', '15', '-f', redis('notice'));
    const ports = (await world.ps()).map(({ port }) => port!);
    for (const port of ports) expect(await ask(port, `SET key value-${port}`)).toBe('+OK');
    const watch = watchPorts(ports);
    await world.ok('rolling-update', '-f', redis('warning'));
    expect(await watch.stop()).toBeLessThanOrEqual(5);
    for (const port of ports) expect(await ask(port, 'GET key')).toContain(`value-${port}`);
  });
});

describe('what is given with --binary', () => {
  const program = (text: string) => `#!/bin/sh\necho ${text}\nexec sleep 1000\n`;
  const place = (name: string, content: string) => {
    const path = world.write(name, content);
    chmodSync(path, 0o755);
    return path;
  };
  const spec = () =>
    world.write(
      'fleet.json',
      JSON.stringify({
        name: 'tool',
        command: ['./tool'],
        binary: './tool',
        ready: { after: '50ms' },
        update: { batch: 2, wait: '300ms' },
        rounds: { delay: '0s' },
      }),
    );

  test('may be overwritten, truncated and deleted meanwhile', async () => {
    place('tool', program('one'));
    await world.ok('spawn', '6', '-f', spec());
    for (const spoil of [(path: string) => writeFileSync(path, 'junk'), truncateSync, rmSync]) {
      const path = place('next', program(spoil.name || 'spoil'));
      const updating = world.fleetctl('rolling-update', '--binary', path);
      await until(async () => (await world.fleet()).rollout?.state === 'running');
      spoil(path);
      expect((await updating).code).toBe(0);
    }
    expect(await world.fleet()).toMatchObject({ ready: 6, rollout: { state: 'done', updated: 6 } });
  });

  test('is refused before anything is stopped where it cannot be executed', async () => {
    place('tool', program('one'));
    await world.ok('spawn', '2', '-f', spec());
    const before = await pids();
    const foreign = Buffer.from(`7f454c4602010100000000000000000002002b00${'00'.repeat(44)}`, 'hex');
    writeFileSync(place('foreign', ''), foreign);
    place('empty', '');
    place('text', 'not a program');
    place('script', '#!/no/such/interpreter\n');
    world.write('data', program('data'));
    const refusals = {
      foreign: 'is for machine 43',
      empty: 'is empty',
      text: 'neither an ELF executable nor a script',
      script: '/no/such/interpreter, which does not exist',
      data: 'cannot be executed',
      absent: 'there is no executable',
    };
    for (const [name, reason] of Object.entries(refusals)) {
      const { code, stderr } = await world.fleetctl('rolling-update', '--binary', `./${name}`);
      expect([code, stderr], name).toEqual([2, expect.stringContaining(reason)]);
    }
    expect(await pids()).toEqual(before);
    expect((await world.fleet()).rollout).toBe(null);
    expect(await releases(world)).toHaveLength(1);
  });

  test('is kept for so many releases, and never taken from an agent', async () => {
    copyFileSync('/bin/sleep', place('sleep', ''));
    const keep = { keep: 2, batch: 10, wait: '0s' };
    const command = (seconds: number) =>
      world.write(
        'fleet.json',
        JSON.stringify({
          name: 'tool',
          command: ['./sleep', String(1_000 + seconds)],
          binary: './sleep',
          ready: { after: '10ms' },
          rounds: { delay: '0s' },
          update: keep,
        }),
      );
    await world.ok('spawn', '2', '-f', command(0));
    for (const seconds of [1, 2, 3, 4]) await world.ok('rolling-update', '-f', command(seconds));
    const kept = await releases(world);
    expect(kept).toHaveLength(3);
    expect(kept[0]).toMatchObject({ agents: 2, current: true });
    for (const { release } of kept)
      expect(existsSync(join(world.stateDir, 'releases', release, 'sleep'))).toBe(true);
  });
});

test('agents with connections are waited for, and go last in their batch', async () => {
  const drain = { update: { batch: 4, wait: '100ms', drain: { timeout: '60s' } } };
  await world.ok('spawn', '4', '-f', fleetOf(world, BASE, {}, drain));
  const before = await pids();
  const client = createConnection({ port: BASE, host: '127.0.0.1' });
  await new Promise((resolve) => client.once('connect', resolve));
  const updating = world.fleetctl('rolling-update', '-f', fleetOf(world, BASE, { NAME: 'next' }, drain));
  await until(async () => (await world.fleet()).rollout?.updated === 3);
  expect((await pids())[0]).toBe(before[0]);
  client.destroy();
  expect((await updating).code).toBe(0);
  expect((await pids())[0]).not.toBe(before[0]);
});

test('agents are asked only what their own release is to be asked', async () => {
  const health = { every: '100ms', failures: 2 };
  await world.ok('spawn', '8', '-f', fleetOf(world, BASE, {}, { health }));
  const before = await pids();
  const check = { ready: { exec: ['/bin/false'], timeout: '2s' }, health };
  const { code } = await world.fleetctl(
    'rolling-update',
    '-f',
    fleetOf(world, BASE, { NAME: 'next' }, check),
  );
  expect(code).toBe(4);
  expect((await pids()).slice(4)).toEqual(before.slice(4));
  expect((await world.events()).filter(({ type, slots }) => type === 'unhealthy' && slots !== '0-3')).toEqual(
    [],
  );
});

test('a rollout can be paused, watched and taken up again, with JSON lines for those who ask', async () => {
  await world.ok('spawn', '8', '-f', fleetOf(world, BASE, {}));
  const next = fleetOf(world, BASE, { NAME: 'next' });
  const updating = world.fleetctl('rolling-update', '-f', next, '--json');
  await until(async () => (await world.fleet()).rollout?.state === 'running');
  await world.ok('rollout', 'pause');
  await until(async () => (await world.fleet()).rollout?.updated === 4);
  expect(await rollout(world)).toMatchObject({ state: 'paused', updated: 4, batchesLeft: 1 });
  await world.ok('rollout', 'resume');
  const { code, stdout } = await updating;
  expect(code).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind?: string; exitCode?: number });
  expect(lines.filter(({ kind }) => kind === 'progress').length).toBeGreaterThan(1);
  expect(lines.at(-1)).toMatchObject({ fleet: 'web', exitCode: 0 });
  expect((await world.fleetctl('rollout', 'abort')).code).toBe(2);
});
