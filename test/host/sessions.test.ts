import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLink } from '../../src/host/proc/pid.ts';
import { Sessions } from '../../src/host/process/sessions.ts';
import { reapPid } from '../../src/host/sys/pidfd.ts';
import { until } from '../e2e/harness.ts';
import { isLive, NOT_ROOT, Scratch, untilNamed } from './processes.ts';

let scratch: Scratch;
let sessions: Sessions;
beforeEach(() => {
  scratch = new Scratch();
  sessions = make();
  for (const key of ['web/0', 'web/1', 'db/0']) mkdirSync(dirOf(key), { recursive: true });
});
afterEach(() => scratch.dispose());

const dirOf = (key: string) => scratch.path(`dir/${key}`);
const logOf = (key: string) => scratch.path(`log.${key.replace('/', '.')}`);

/** What a supervisor has before it knows any process. */
function make(): Sessions {
  const keys = ['web/0', 'web/1', 'db/0'];
  return new Sessions({
    keyOfLog: (path) => keys.find((key) => logOf(key) === path) ?? null,
    keyOfDir: (path) => keys.find((key) => dirOf(key) === path) ?? null,
  });
}

/** Starts a script as a slot's agent, and waits until it has told so many pids. */
async function start(key: string, script: string, count: number): Promise<number[]> {
  const name = `pids.${key.replace('/', '.')}`;
  const main = scratch.start(script.replaceAll('PIDS', scratch.path(name)), {
    output: { path: logOf(key) },
    cwd: dirOf(key),
  });
  sessions.reattach(key, main);
  const told = await scratch.pids(name, count);
  return [main, ...told.filter((pid) => pid !== main)];
}

const FORK = 'sh -c "echo \\$\\$ >> PIDS; exec sleep 1000" & echo $$ >> PIDS; exec sleep 1000';

/** Ends a main process as it ends by itself: at once, and reaped before anybody asks for the rest. */
function end(main: number): void {
  process.kill(main, 'SIGKILL');
  reapPid(main);
}

test('knows an agent and its forks by their session, and nobody else', async () => {
  const web = await start('web/0', FORK, 2);
  const db = await start('db/0', FORK, 2);
  expect(web.map((pid) => sessions.keyOf(pid))).toEqual(['web/0', 'web/0']);
  expect(db.map((pid) => sessions.keyOf(pid))).toEqual(['db/0', 'db/0']);
  expect([sessions.keyOf(process.pid), sessions.keyOf(1), sessions.keyOf(2 ** 22)]).toEqual([
    null,
    null,
    null,
  ]);
});

test('sees and ends what an agent leaves behind, a fork of a fork included', async () => {
  const [main, ...forks] = await start(
    'web/0',
    FORK.replace('sh -c', '(exec sh -c').replace('" &', '" &) &'),
    2,
  );
  const [other] = await start('web/1', FORK, 2);
  end(main!);
  expect(sessions.isPopulated('web/0')).toBe(true);
  sessions.kill('web/0');
  await until(() => !sessions.isPopulated('web/0'));
  expect(forks.filter(isLive)).toEqual([]);
  expect(isLive(other!)).toBe(true);
});

test('sees what each of many agents leaves behind that end at the same moment', async () => {
  const [a] = await start('web/0', FORK, 2);
  const [b, fork] = await start('web/1', FORK, 2);
  end(a!);
  expect(sessions.isPopulated('web/0')).toBe(true);
  end(b!);
  expect(sessions.isPopulated('web/1')).toBe(true);
  sessions.kill('web/1');
  await until(() => !isLive(fork!));
});

test('an agent without forks leaves nothing', async () => {
  const [main] = await start('web/0', 'echo $$ >> PIDS; exec sleep 1000', 1);
  end(main!);
  expect(sessions.isPopulated('web/0')).toBe(false);
  sessions.kill('web/0');
});

test('kills nobody whose pid and session somebody else has by now', async () => {
  const stranger = scratch.start('exec sleep 1000');
  // As if the leader had ended and its pid were given to one who leads a session of its own.
  sessions.reattach('web/0', stranger);
  expect(sessions.isPopulated('web/0')).toBe(false);
  sessions.kill('web/0');
  expect(isLive(stranger)).toBe(true);
});

test('forgets a slot whose place is taken away', async () => {
  const [main] = await start('web/0', FORK, 2);
  sessions.leave(['web/0']);
  expect(sessions.keyOf(main!)).toBeNull();
  expect(sessions.isPopulated('web/0')).toBe(false);
});

test('the next agent of a slot is told from the one before', async () => {
  const [first, fork] = await start('web/0', FORK, 2);
  end(first!);
  const [second] = await start('web/0', 'echo $$ >> PIDS; echo $$ >> PIDS; exec sleep 1000', 3);
  expect(sessions.keyOf(second!)).toBe('web/0');
  expect(sessions.keyOf(fork!)).toBeNull();
});

describe('after a crash of the supervisor', () => {
  test('finds agents by the log they write to', async () => {
    const [web] = await start('web/0', FORK, 2);
    const [db] = await start('db/0', FORK, 2);
    expect([...make().census()].sort()).toEqual([
      ['db/0', [db]],
      ['web/0', [web]],
    ]);
  });

  test('finds an agent whose output is elsewhere by its directory and the word of its environment', async () => {
    const main = await untilNamed(
      scratch.start('exec sleep 1000', {
        cwd: dirOf('web/0'),
        env: ['PATH=/bin:/usr/bin', `FLEET_DIR=${dirOf('web/0')}`],
      }),
    );
    expect([...make().census()]).toEqual([['web/0', [main]]]);
  });

  test('takes no one for an agent who only stands in its directory, or only says so', () => {
    scratch.start('exec sleep 1000', { cwd: dirOf('web/0') });
    scratch.start('exec sleep 1000', { env: ['PATH=/bin:/usr/bin', `FLEET_DIR=${dirOf('web/0')}`] });
    expect([...make().census()]).toEqual([]);
  });

  test('takes no one for an agent who reads its log, and no zombie', async () => {
    const [main] = await start('web/0', 'echo $$ >> PIDS; exec sleep 1000', 1);
    process.kill(main!, 'SIGKILL');
    await until(() => !isLive(main!));
    scratch.start(`exec sleep 1000 < ${logOf('web/0')}`);
    expect([...make().census()]).toEqual([]);
    reapPid(main!);
  });

  test('tells what was started beside an agent, with its log and in its directory, from the agent', async () => {
    const launch = { output: { path: logOf('web/0') }, cwd: dirOf('web/0'), isErrand: true } as const;
    const helper = scratch.start(`echo $$ > ${scratch.path('helper')}; exec sleep 1000`, launch);
    // It has its log and its directory once it executes something.
    await scratch.pids('helper', 1);
    const [agent] = await start('web/1', 'echo $$ >> PIDS; exec sleep 1000', 1);
    const next = make();
    expect(next.census().get('web/0')).toEqual([helper]);
    expect([helper, agent!].map((pid) => next.isErrand(pid))).toEqual([true, false]);
  });

  test('finds what an agent has left that ended while nobody was there', async () => {
    const [main, fork] = await start('web/0', FORK, 2);
    end(main!);
    expect([...make().census()]).toEqual([['web/0', [fork]]]);
  });
});

test.skipIf(NOT_ROOT)(
  'takes nobody for an agent whose log only has the name of one, in a mount namespace of its own',
  async () => {
    const [main] = await start('web/0', FORK, 2);
    writeFileSync(logOf('web/1'), '');
    const there = `mount -t tmpfs none ${scratch.root} && exec sleep 1000 > ${logOf('web/1')} 2>&1`;
    const impostor = spawn('unshare', ['--mount', 'setsid', 'sh', '-c', there], { stdio: 'ignore' });
    const readLog = () => readLink(impostor.pid!, 'fd/1');
    try {
      await until(() => readLog() === logOf('web/1'));
      const found = make().census();
      expect([...found.keys()]).toEqual(['web/0']);
      expect(found.get('web/0')).toContain(main);
    } finally {
      impostor.kill('SIGKILL');
    }
  },
);

test('what an agent has left in its group ends in one go, also what no look over /proc would catch', async () => {
  const [main, fork] = await start('web/0', FORK, 2);
  process.kill(main!, 'SIGKILL');
  sessions.ended(main!);
  await until(() => !isLive(fork!));
  reapPid(main!);
  expect(sessions.isPopulated('web/0')).toBe(false);
});
