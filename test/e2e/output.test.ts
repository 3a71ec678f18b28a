import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const IS_ROOT = process.getuid!() === 0;
const MIB = 2 ** 20;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** Spawns from a spec; what is not named is quick and plain. */
function spawnSpec(count: number, spec: Record<string, unknown>) {
  const document = { name: 'web', ready: { after: '10ms' }, rounds: { parallel: 100, delay: '0s' }, ...spec };
  return world.fleetctl('spawn', String(count), '-f', world.write('fleet.json', JSON.stringify(document)));
}

const sh = (script: string) => ['sh', '-c', script];
const logOf = (name: string) => join(world.stateDir, 'logs/web', name);
const read = (name: string) => (existsSync(logOf(name)) ? readFileSync(logOf(name), 'utf8') : '');
const outputEvents = async () =>
  (await world.events())
    .filter(({ type }) => type === 'output')
    .map(({ slots, reason }) => `${slots}: ${reason}`);

/** Follows with fleetctl; `text` is what it has printed. */
function follow(...args: string[]) {
  const child = spawn(FLEETCTL, ['logs', ...args, '-f'], { env: world.env });
  const seen = {
    text: '',
    stop: async () => {
      child.kill('SIGTERM');
      await until(() => child.exitCode !== null || child.signalCode !== null);
    },
  };
  child.stdout.on('data', (chunk) => {
    seen.text += chunk;
  });
  return seen;
}

describe('what an agent opens again', () => {
  test.skipIf(!IS_ROOT)('as another user is its log, as with a pipe', async () => {
    const command = sh('echo one >>/dev/stdout; echo two >>/dev/stderr; exec sleep 1000');
    expect((await spawnSpec(1, { command, user: 'nobody' })).code).toBe(0);
    expect((await world.ok('logs', '0')).stdout).toBe('one\ntwo\n');
  });

  test('without O_APPEND is made to append, stays within its bound, and is named once', async () => {
    // Without that, the file would have a hole of what was cut, and its size would grow for ever.
    const script = `exec 3<>/dev/stdout; while :; do i=$((i+1)); printf '%0200d\\n' $i >&3; [ $((i % 20)) = 0 ] && sleep 0.01; done`;
    expect((await spawnSpec(1, { command: sh(script), logs: { maxSize: '64K' } })).code).toBe(0);
    await until(async () => (await outputEvents()).length > 0);
    expect(await outputEvents()).toEqual([
      '0: it has opened its log (as /dev/stdout, say) without O_APPEND; fleetd made it append',
    ]);
    const cutAt = statSync(logOf('0.log.1')).ino;
    await until(() => statSync(logOf('0.log.1')).ino !== cutAt);
    expect((await world.ok('logs', '0', '--lines', '50')).stdout).toMatch(/^(\d{200}\n){50}$/);
    expect(statSync(logOf('0.log')).size).toBeLessThan(16 * MIB);
    expect(await outputEvents()).toHaveLength(1);
  });

  test('and empties each time is saved', async () => {
    const script = 'while :; do i=$((i+1)); echo "line $i" >/dev/stderr; sleep 0.1; done';
    expect((await spawnSpec(1, { command: sh(script) })).code).toBe(0);
    await until(async () => (await outputEvents()).length > 0);
    expect((await outputEvents())[0]).toContain('0: its log was emptied');
    await until(() => read('0.log.1').split('\n').length > 3);
    expect((await world.ok('logs', '0', '--lines', '3')).stdout).toMatch(/^(line \d+\n){2,3}$/);
  });
});

describe('a log that others take away while its agent writes', () => {
  const command = sh('while :; do i=$((i+1)); echo "line $i"; sleep 0.1; done');

  test('by moving it gets its name back', async () => {
    await spawnSpec(1, { command });
    await until(() => read('0.log').includes('line 2\n'));
    renameSync(logOf('0.log'), logOf('0.log-20261129'));
    await until(() => existsSync(logOf('0.log')) && read('0.log') !== '');
    expect(await outputEvents()).toEqual([
      expect.stringContaining(
        `0: its log was moved to ${logOf('0.log-20261129')} while it wrote: that is a copy now`,
      ),
    ]);
    const whole = read('0.log-20261129') + read('0.log');
    expect(whole).toBe(
      whole
        .split('\n')
        .slice(0, -1)
        .map((_, i) => `line ${i + 1}\n`)
        .join(''),
    );
    expect((await world.ok('logs', '0', '--lines', '1')).stdout).toMatch(/^line \d+\n$/);
  });

  test('by deleting it is written on where it was', async () => {
    await spawnSpec(1, { command });
    await until(() => read('0.log').includes('line 2\n'));
    rmSync(logOf('0.log'));
    await until(() => read('0.log').includes('line'));
    expect(await outputEvents()).toEqual([expect.stringContaining('0: its log was deleted while it wrote')]);
    const seen = follow('0', '--lines', '0');
    await until(() => /(line \d+\n){3}/.test(seen.text));
    await seen.stop();
  });
});

test('a flood is bounded on disk, and others are served', async () => {
  const command = sh('exec yes "a line of a flood that fills the disk of others"');
  expect((await spawnSpec(1, { command, logs: { maxSize: '256K' } })).code).toBe(0);
  const bytes = () =>
    globSync(logOf('*')).reduce(
      (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  let cuts = 0;
  let before = bytes();
  let most = 0;
  await until(() => {
    const now = bytes();
    if (now < before) cuts++;
    before = now;
    most = Math.max(most, now);
    return cuts >= 20;
  });
  // What a processor writes in some seconds would be more.
  expect(most).toBeLessThan(4_096 * MIB);
  await until(() => bytes() < 64 * MIB);
  expect((await world.ok('logs', '0', '--lines', '2')).stdout).toMatch(
    // The agent may be in the middle of a line.
    /^a line of a flood that fills the disk of others\n/,
  );
  expect((await world.fleet()).ready).toBe(1);
});

describe('stderr with a log of its own', () => {
  const logs = { stderr: 'separate' };

  test('is in that, and both are shown together', async () => {
    const command = sh('echo out; echo err >&2; exec sleep 1000');
    expect((await spawnSpec(2, { command, logs })).code).toBe(0);
    await until(() => read('1.err.log') !== '');
    expect([read('1.log'), read('1.err.log')]).toEqual(['out\n', 'err\n']);
    const { stdout, stderr } = await world.ok('logs', '1');
    expect(stdout).toBe('out\nerr\n');
    expect(stderr).toMatch(/^note: the order of stdout and stderr is /);
    const lines = (await world.ok('logs', '--all', '--json')).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [0, 1].flatMap((slot) => [
        { fleet: 'web', slot, stream: 'stdout', line: 'out' },
        { fleet: 'web', slot, stream: 'stderr', line: 'err' },
      ]),
    );
  });

  test('is in order of time, as far as the supervisor has looked', async () => {
    const script = `echo one; until [ -e "$FLEET_DIR/go" ]; do sleep 0.05; done; echo two >&2; until [ -e "$FLEET_DIR/on" ]; do sleep 0.05; done; echo three; exec sleep 1000`;
    await spawnSpec(1, { command: sh(script), logs });
    const seen = follow('0');
    await until(() => seen.text === 'one\n');
    writeFileSync(join(world.stateDir, 'fleets/web/0/go'), '');
    await until(() => seen.text === 'one\ntwo\n');
    // A request notes how long the logs are, so what is written after it is later than what was there.
    await world.ok('logs', '0');
    writeFileSync(join(world.stateDir, 'fleets/web/0/on'), '');
    await until(() => seen.text === 'one\ntwo\nthree\n');
    await seen.stop();
    expect((await world.ok('logs', '0')).stdout).toBe('one\ntwo\nthree\n');
    await world.killSupervisor();
    await world.ok('spawn', '1');
    expect((await world.ok('logs', '0')).stdout).toBe('one\ntwo\nthree\n');
  });

  test('is bounded as well', async () => {
    const script =
      'while :; do i=$((i+1)); echo "line $i ------------------------" >&2; [ $((i % 100)) = 0 ] && sleep 0.01; done';
    await spawnSpec(1, { command: sh(script), logs: { ...logs, maxSize: '16K', keep: 3 } });
    await until(() => existsSync(logOf('0.err.log.3')));
    for (const number of [1, 2, 3])
      expect(statSync(logOf(`0.err.log.${number}`)).size).toBeLessThan(2 * 8 * 1024);
    expect(existsSync(logOf('0.log.1'))).toBe(false);
  });
});

describe('many slots', () => {
  const command = sh(
    'echo "slot $FLEET_SLOT begins"; while :; do i=$((i+1)); echo "line $i of $FLEET_SLOT"; sleep 0.2; done',
  );

  test('are followed together, also those that come later, each line with its slot', async () => {
    await spawnSpec(3, { command });
    const seen = follow('--all', '--lines', '100');
    await until(() => [0, 1, 2].every((slot) => seen.text.includes(`\n${slot} | line 3 of ${slot}\n`)));
    await world.ok('spawn', '4');
    await until(() => seen.text.includes('3 | slot 3 begins\n3 | line 1 of 3\n'));
    await seen.stop();
    const wrong = seen.text
      .split('\n')
      .slice(0, -1)
      .filter((line) => !/^(\d) \| (line \d+ of|slot) \1( begins)?$/.test(line));
    expect(wrong).toEqual([]);
    for (const slot of [0, 1, 2]) {
      const numbers = [...seen.text.matchAll(new RegExp(`line (\\d+) of ${slot}`, 'g'))].map(([, n]) =>
        Number(n),
      );
      expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    }
  });

  test('are searched, and by time', async () => {
    const dated = sh(
      'echo "2020-01-01T00:00:00Z old"; echo "$(date -u +%FT%TZ) new of $FLEET_SLOT"; exec sleep 1000',
    );
    await spawnSpec(3, { command: dated });
    await until(async () => (await world.ok('logs', '--all', '--grep', 'new of 2')).stdout !== '');
    const { stdout } = await world.ok('logs', '--slots', '1-2', '--since', '1h', '--grep', 'new|old');
    expect(stdout).toMatch(/^1 \| \S+ new of 1\n2 \| \S+ new of 2\n$/);
    expect((await world.fleetctl('logs', '--slots', '7-9')).stderr).toContain('FLEET_SLOT_UNKNOWN');
  });

  test('are shown in pieces, whatever the length of a line', async () => {
    const long = sh(
      'head -c 3000000 /dev/zero | tr "\\0" x; echo; echo "after of $FLEET_SLOT"; exec sleep 1000',
    );
    await spawnSpec(2, { command: long, logs: { maxSize: '16M' } });
    await until(() => read('1.log').endsWith('of 1\n') && read('0.log').endsWith('of 0\n'));
    const { stdout } = await world.ok('logs', '--all', '--lines', '2');
    const lines = stdout.split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(200_000);
    const xs = (slot: number) =>
      lines
        .filter((line) => line.startsWith(`${slot} | x`))
        .join('')
        .replaceAll(/[^x]/g, '');
    expect([xs(0).length, xs(1).length]).toEqual([3_000_000, 3_000_000]);
    expect(stdout).toMatch(/\n0 \| after of 0\n(.*\n)*1 \| after of 1\n$/);
  });
});

describe('a sample', () => {
  const UPDATE = { batch: 2, wait: '500ms', maxFailed: '10%' };

  test('is of the start that failed: a silent one has none, whatever the release before has said', async () => {
    const good = sh('echo "all is well with the old release"; exec sleep 1000');
    await spawnSpec(2, { command: good, update: UPDATE });
    const bad = world.write(
      'bad.json',
      JSON.stringify({
        name: 'web',
        command: sh('sleep 0.1; exit 7'),
        ready: { after: '2s' },
        update: UPDATE,
      }),
    );
    const { code, stderr } = await world.fleetctl('rolling-update', '-f', bad);
    expect(code).toBe(4);
    expect(stderr).not.toContain('all is well');
    const { stdout } = await world.ok('rollout', 'status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'rolled-back', sample: null });
  });

  test('has what the new release said, and nothing of the old one', async () => {
    await spawnSpec(2, { command: sh('echo "error of the old release"; exec sleep 1000'), update: UPDATE });
    const bad = {
      name: 'web',
      command: sh('echo starting; echo "fatal: no licence" >&2; exit 7'),
      update: UPDATE,
    };
    const { stderr } = await world.fleetctl(
      'rolling-update',
      '-f',
      world.write('bad.json', JSON.stringify({ ...bad, ready: { after: '2s' } })),
    );
    expect(stderr).toContain('  | starting\n  | fatal: no licence\n');
    expect(stderr).not.toContain('old release');
  });

  test('of a fleet that cannot start is shown by spawn, also again while it is held', async () => {
    const script = `console.log('starting'); require('./gone.cjs')`;
    const spec = {
      command: [process.execPath, '-e', script],
      ready: { after: '5s' },
      logs: { stderr: 'separate' },
    };
    const first = await spawnSpec(3, spec);
    expect(first.code).toBe(4);
    expect(first.stderr).toContain("  | Error: Cannot find module './gone.cjs'\n");
    await until(async () => (await world.fleet()).held !== null);
    const again = await world.fleetctl('spawn', '3', '--json');
    expect(again.code).toBe(4);
    expect(JSON.parse(again.stdout).sample).toContain("Error: Cannot find module './gone.cjs'");
    expect((await world.ok('status')).stdout).toContain("Cannot find module './gone.cjs'");
  });
});
