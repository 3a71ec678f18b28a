import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const FAST = { rounds: { parallel: 50, delay: '0s' }, ready: { after: '200ms' } };

/** Saves its state half a second after SIGTERM, and ends. */
const WORKER = `
import os, signal, sys, time
def stop(*_):
    time.sleep(0.5)
    open(os.environ['FLEET_DIR'] + '/saved', 'w').close()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print('working', flush=True)
while True: time.sleep(1)
`;

/** Starts a fleet named web. */
function spawn(count: number, spec: object, ...options: string[]) {
  const file = world.write('web.json', JSON.stringify({ name: 'web', ...FAST, ...spec }));
  return world.fleetctl('spawn', `${count}`, '-f', file, ...options);
}

const inDir = (slot: number, name: string) => join(world.stateDir, 'fleets/web', `${slot}`, name);
const reasons = async (type: string) =>
  (await world.events()).filter((event) => event.type === type).map(({ reason }) => reason);

describe('everything in a slot is the agent', () => {
  /** A shell that stays, and the process that works (case 10). */
  const wrapped = () => ({ command: ['sh', '-c', `python3 ${world.write('worker.py', WORKER)}; echo over`] });
  const working = () =>
    until(() =>
      [0, 1].every((slot) => readFileSync(join(world.stateDir, `logs/web/${slot}.log`), 'utf8') !== ''),
    );

  test('what the main process leaves behind gets the signal, and its grace', async () => {
    await spawn(2, { ...wrapped(), stop: { grace: '60s' } });
    await working();
    await world.ok('kill', '1');
    expect(existsSync(inDir(1, 'saved'))).toBe(true);
    expect(await reasons('exit')).toEqual([
      'killed by SIGTERM; 1 process was left behind; stopped: no longer wanted',
    ]);
    expect(await reasons('kill')).toEqual([]);
  });

  test('stop.to: all sends it to all at once', async () => {
    await spawn(2, { ...wrapped(), stop: { grace: '60s', to: 'all' } });
    await working();
    await world.ok('kill', '1');
    expect(existsSync(inDir(1, 'saved'))).toBe(true);
    expect(await reasons('stop')).toEqual(['SIGTERM to 2 processes: no longer wanted']);
  });

  test('after an exit that nobody asked for as well', async () => {
    await spawn(2, { ...wrapped(), stop: { grace: '60s' } });
    await working();
    const [first] = await world.ps();
    process.kill(first!.pid!, 'SIGKILL');
    await until(async () => (await world.ps())[0]!.restarts === 1 && (await world.fleet()).ready === 2);
    expect(existsSync(inDir(0, 'saved'))).toBe(true);
  });

  test('stop.command runs before the signal, as the agent, and knows its main process', async () => {
    const command = ['sh', '-c', 'kill -0 "$MAINPID" && echo "$MAINPID" > "$FLEET_DIR/drained"'];
    await spawn(1, { command: ['sleep', '1000'], stop: { command } });
    const [agent] = await world.ps();
    await world.ok('kill', '1');
    expect(readFileSync(inDir(0, 'drained'), 'utf8')).toBe(`${agent!.pid}\n`);
    expect(await reasons('stop')).toEqual([
      'stop.command: no longer wanted',
      'stop.command exited 0; SIGTERM: no longer wanted',
    ]);
  });

  test('a stop.command that hangs ends with the grace', async () => {
    await spawn(1, { command: ['sleep', '1000'], stop: { command: ['sleep', '1000'], grace: '1s' } });
    await world.ok('kill', '1');
    expect(await world.fleet()).toMatchObject({ running: 0, target: 0 });
  });

  test('kill --now kills at once, also what is stopping already', async () => {
    await spawn(3, {
      command: ['sh', '-c', 'trap "" TERM; sleep 1000 & wait; wait'],
      stop: { grace: '10m' },
    });
    await world.fleetctl('kill', '1', '--timeout', '300ms');
    expect((await world.fleet()).stopping).toBe(1);
    await world.ok('kill', '--all', '--now');
    expect(await world.ps()).toEqual([]);
  });

  test('kill --purge takes directories and logs away, and prepare runs again there', async () => {
    await spawn(2, { command: ['sleep', '1000'], prepare: ['sh', '-c', 'date +%N > made'] });
    const before = readFileSync(inDir(1, 'made'), 'utf8');
    await world.ok('kill', '1', '--purge');
    expect(existsSync(inDir(1, '.'))).toBe(false);
    expect(existsSync(join(world.stateDir, 'logs/web/1.log'))).toBe(false);
    expect(existsSync(inDir(0, 'made'))).toBe(true);
    await world.ok('spawn', '2');
    expect(readFileSync(inDir(1, 'made'), 'utf8')).not.toBe(before);
  });

  test('a process that others name is no successor', async () => {
    const stranger = process.pid;
    const script = `import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b'READY=1\\nMAINPID=${stranger}', os.environ['NOTIFY_SOCKET'])
time.sleep(1000)`;
    await spawn(1, { command: ['python3', world.write('liar.py', script)], ready: 'notify' });
    await until(async () => (await reasons('successor')).length > 0);
    expect(await reasons('successor')).toEqual([
      `MAINPID=${stranger} is refused: process ${stranger} does not live in the slot`,
    ]);
    expect((await world.ps())[0]!.pid).not.toBe(stranger);
  });
});

describe('before a start', () => {
  const HANGING = { command: ['sleep', '1000'], prepare: ['sleep', '100000'], prepareTimeout: '1h' };

  test('a prepare that hangs is ended by kill (case 12)', async () => {
    await spawn(2, HANGING, '--timeout', '500ms');
    await world.ok('kill', '--all');
    expect(await world.ps()).toEqual([]);
    await world.ok('remove');
  });

  test('a prepare that hangs is ended by a corrected spec (case 12)', async () => {
    await spawn(2, HANGING, '--timeout', '500ms');
    expect((await spawn(2, { ...HANGING, prepare: ['true'] })).code).toBe(0);
    expect((await world.ps()).map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  test('prepareTimeout ends a prepare, and ready.timeout does not', async () => {
    const prepare = ['sh', '-c', 'sleep 1.5'];
    const ready = { after: '100ms', timeout: '1s' };
    expect((await spawn(1, { ...HANGING, prepare, ready })).code).toBe(0);
    await world.ok('kill', '--all', '--purge');
    await spawn(1, { ...HANGING, prepareTimeout: '1s', restart: { storm: 'off' } }, '--timeout', '2s');
    expect((await world.ps())[0]!.lastExit?.reason).toBe('prepare killed after 1s');
  });

  test('start.before runs before every start, and its failure is one', async () => {
    const before = ['sh', '-c', 'echo x >> "$FLEET_DIR/starts"; test ! -e "$FLEET_DIR/broken"'];
    await spawn(1, { command: ['sleep', '1000'], start: { before }, restart: { storm: 'off' } });
    await world.ok('restart');
    expect(readFileSync(inDir(0, 'starts'), 'utf8')).toBe('x\nx\n');
    writeFileSync(inDir(0, 'broken'), '');
    await world.fleetctl('restart', '--timeout', '3s');
    expect((await world.ps())[0]!.lastExit?.reason).toBe('start.before exited 1');
  });

  test('envFile with placeholders is read at each start, and its values are shown nowhere', async () => {
    for (const slot of [0, 1]) world.write(`${slot}.env`, `TOKEN="of ${slot}"\n`);
    const command = ['sh', '-c', 'echo "$TOKEN" > "$FLEET_DIR/token"; exec sleep 1000'];
    await spawn(2, { command, envFile: '{slot}.env' });
    expect([0, 1].map((slot) => readFileSync(inDir(slot, 'token'), 'utf8'))).toEqual(['of 0\n', 'of 1\n']);
    world.write('1.env', 'TOKEN=other\n');
    await world.ok('restart', '--slots', '1');
    expect(readFileSync(inDir(1, 'token'), 'utf8')).toBe('other\n');
    rmSync(join(world.root, '0.env'));
    await world.fleetctl('restart', '--slots', '0', '--timeout', '3s');
    expect((await world.ps())[0]!.lastExit?.reason).toMatch(/^envFile: .*0\.env/);
    expect(JSON.stringify(await world.events())).not.toContain('other');
  });
});

describe('where an agent runs', () => {
  test('cwd is the directory of the spec, if the spec says so (case 18)', async () => {
    world.write('app.sh', 'pwd; sleep 1000');
    await spawn(1, { command: ['sh', 'app.sh'], cwd: '.' });
    const log = join(world.stateDir, 'logs/web/0.log');
    await until(() => readFileSync(log, 'utf8') !== '');
    expect(readFileSync(log, 'utf8')).toBe(`${world.root}\n`);
  });

  test('one that does not exist is refused', async () => {
    const refused = await spawn(1, { command: ['sleep', '1000'], cwd: 'nowhere' });
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining(`cwd: there is no directory ${world.root}/nowhere`),
    ]);
  });

  test('a symbolic link in its path stays one: a deployment can swap it', async () => {
    const deploy = (release: string) => {
      const directory = join(world.root, release);
      mkdirSync(directory);
      writeFileSync(join(directory, 'run.sh'), `#!/bin/sh\necho ${release}\nexec sleep 1000\n`, {
        mode: 0o755,
      });
      const spec = {
        name: 'web',
        command: ['./run.sh'],
        cwd: '.',
        target: 2,
        ...FAST,
        update: { wait: '0s' },
      };
      writeFileSync(join(directory, 'fleet.json'), JSON.stringify(spec));
    };
    const current = join(world.root, 'current');
    deploy('r1');
    symlinkSync('r1', current);
    await world.ok('spawn', '-f', 'current/fleet.json');
    const [first] = await world.ps();
    deploy('r2');
    unlinkSync(current);
    symlinkSync('r2', current);
    rmSync(join(world.root, 'r1'), { recursive: true });
    // It starts again after the old release was pruned, from the new one, and that is said.
    process.kill(first!.pid!, 'SIGKILL');
    await until(async () => (await world.ps())[0]!.restarts === 1 && (await world.fleet()).ready === 2);
    const moved = `command leads to ${world.root}/r2/run.sh now`;
    expect((await world.ps()).map((agent) => agent.moved)).toEqual([moved, undefined]);
    expect((await reasons('start')).at(-1)).toContain(`; ${moved}`);
    await world.killSupervisor();
    await world.ok('spawn');
    expect((await world.ps())[0]!.moved).toBe(moved);
    // A rolling update sees another release, though no word of the spec has changed.
    await world.ok('rolling-update', '-f', 'current/fleet.json');
    const after = await world.ps();
    expect(after.map(({ release, moved: its }) => [release !== first!.release, its])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
  });
});

test.each([
  ['restart', ['restart']],
  ['restart --latest', ['restart', '--latest']],
])('%s looks first: no healthy agent is lost to a program that is gone (case 11)', async (_what, args) => {
  const program = world.write('agent.sh', '#!/bin/sh\nexec sleep 1000\n', 0o755);
  await spawn(20, { command: [program] });
  const before = (await world.ps()).map(({ pid }) => pid);
  unlinkSync(program);
  const refused = await world.fleetctl(...args);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('nothing was stopped')]);
  expect((await world.ps()).map(({ pid }) => pid)).toEqual(before);
});

test('a restart that comes by itself looks first as well', async () => {
  const program = world.write('agent.sh', '#!/bin/sh\nexec sleep 1000\n', 0o755);
  await spawn(5, { command: [program], restart: { maxAge: { after: '3s' } } });
  const before = (await world.ps()).map(({ pid }) => pid);
  unlinkSync(program);
  await until(async () => (await reasons('limit')).length > 0);
  expect(await reasons('limit')).toEqual([expect.stringContaining('cannot replace slot')]);
  expect((await world.ps()).map(({ pid }) => pid)).toEqual(before);
});

test('an agent that has finished its work has completed, and the fleet is not held (case 13)', async () => {
  const refused = await spawn(20, {
    command: ['sh', '-c', 'sleep 1; exit 0'],
    restart: { on: 'on-failure' },
  });
  expect(refused.code).toBe(0);
  await until(async () => (await world.fleet()).completed === 20);
  expect(await world.fleet()).toMatchObject({ held: null, failed: 0, ready: 0, running: 0 });
  expect((await world.fleetctl('watchdog')).code).toBe(0);
  const again = await world.ok('restart', '--slots', '3');
  expect(again.stderr).toContain('1 restarted');
});
