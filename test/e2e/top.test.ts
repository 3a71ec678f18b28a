import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isRunning, until, World } from './harness.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const SPEC = { name: 'web', command: ['sleep', '100000'], ready: { after: '1ms' }, rounds: { delay: '0s' } };

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const spawnFleet = (name: string, count: number) =>
  world.ok('spawn', String(count), '-f', world.write(`${name}.json`, JSON.stringify({ ...SPEC, name })));

test('without a terminal it is one picture', async () => {
  await spawnFleet('web', 3);
  const { stdout } = await world.ok('top');
  expect(stdout).toMatch(/>web +3 +3 +0 +0 +0 /);
  expect(stdout.match(/ready/g)).toHaveLength(3);
  expect(stdout).not.toContain('\x1b');
});

describe.runIf(existsSync('/usr/bin/tmux'))('in a terminal', () => {
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-S', `${world.root}/tmux`, ...args], {
      encoding: 'utf8',
      env: { ...world.env, TERM: 'xterm-256color' },
    });
  const screen = () => tmux('capture-pane', '-p', '-t', 'top');
  const press = (...keys: string[]) => tmux('send-keys', '-t', 'top', ...keys);
  /** The slots shown, from the top. */
  const slots = () =>
    [...screen().matchAll(/^ *(\d+) {2}(?:ready|starting)/gm)].map(([, slot]) => Number(slot));

  function open(columns = 80, rows = 24): void {
    const command = `${FLEETCTL} top; echo ended with $?; exec sleep 1000`;
    tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      'top',
      '-x',
      String(columns),
      '-y',
      String(rows),
      'sh',
      '-c',
      command,
    );
  }

  afterEach(() => {
    try {
      tmux('kill-server');
    } catch {}
  });

  test('shows fleets and agents in 80 by 24, scrolls, sorts, changes the fleet, and quits clean', async () => {
    await spawnFleet('api', 2);
    await spawnFleet('web', 40);
    open();
    await until(() => slots().length === 2);
    press('f');
    await until(() => screen().includes('1–15 of 40'));
    expect(
      screen()
        .split('\n')
        .every((line) => line.length <= 80),
    ).toBe(true);
    expect(screen()).toMatch(/>web +40 +40/);
    press('s', 's', 's');
    await until(() => slots()[0] === 0 && slots()[1] === 1);
    press('Down', 'Down');
    await until(() => slots()[0] === 2);
    press('End');
    await until(() => slots().at(-1) === 39);
    const last = (await world.ps()).find(({ fleet, slot }) => fleet === 'web' && slot === 39);
    process.kill(last!.pid!, 'SIGKILL');
    await until(() => /39 {2}\w+ +\d+ +- +1 /.test(screen()));
    press('q');
    await until(() => screen().includes('ended with 0'));
    expect(screen()).not.toContain('SLOT');
  });

  test('says that the supervisor is away, and goes on when it is back', async () => {
    await spawnFleet('web', 3);
    open(100, 30);
    await until(() => slots().length === 3);
    await world.killSupervisor();
    await until(() => screen().includes('no supervisor answers'));
    await world.ok('spawn', '4', '--fleet', 'web');
    await until(() => slots().length === 4);
    expect(isRunning(world.supervisorPid()!)).toBe(true);
    expect(screen()).not.toContain('no supervisor answers');
    press('C-c');
    await until(() => screen().includes('ended with 0'));
  });
});
