import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectOneProcessEach, randomOf } from '../long/crashes.ts';
import { isRunning, until, World } from './harness.ts';

const FLAGS = ['--name', 'web', '--parallel', '100', '--round-delay', '0', '--ready', 'after:10ms'];

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

/** Processor time that a process has used, in ticks. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

describe('a command that always fails', () => {
  test.each<[string, string[], RegExp, string | null]>([
    ['false', ['false'], /agents failed to start within 60 s; the last: exited 1/, null],
    [
      'an agent that says why',
      sh('echo no config >&2; exit 1'),
      /agents failed to start within 60 s; the last: exited 1/,
      'no config',
    ],
    ['an agent that exits 0', ['true'], /agents failed to start within 60 s; the last: exited 0/, null],
  ])(
    '%s holds the fleet, with reason and sample, and burns nothing',
    async (_what, command, reason, sample) => {
      const ended = await world.fleetctl('spawn', '50', ...FLAGS, '--', ...command);
      expect(ended.code, ended.stderr).toBe(4);
      expect(ended.stderr).toMatch(reason);
      const { held } = await world.fleet();
      expect(held?.reason).toMatch(reason);
      expect(held?.sample?.trim() || null).toBe(sample);
      const starts = async () => (await world.events()).filter(({ type }) => type === 'start').length;
      const [before, used] = [await starts(), ticksOf(world.supervisorPid()!)];
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      // The breaker's next probe is due after backoff.max, five minutes.
      expect(await starts()).toBe(before);
      expect(ticksOf(world.supervisorPid()!) - used).toBeLessThan(100);
      expect(world.processes()).toEqual([]);
      // Their pauses are over, and still they are shown: the hold is in their way.
      const { backoff } = await world.fleet();
      const rows = (await world.ps()).map(({ state, lastExit }) => [state, lastExit !== null]);
      expect(rows).toEqual(Array(backoff).fill(['backoff', true]));
      expect(backoff).toBeGreaterThan(0);
    },
  );

  test('is let go by a changed spec, which works then', async () => {
    expect((await world.fleetctl('spawn', '10', ...FLAGS, '--', 'false')).code).toBe(4);
    // The same again is no change: still held.
    expect((await world.fleetctl('spawn', '10', ...FLAGS, '--', 'false')).code).toBe(4);
    expect((await world.fleet()).held).not.toBeNull();
    await world.ok('spawn', '10', ...FLAGS, '--', 'sleep', '1000');
    expect(await world.fleet()).toMatchObject({ held: null, ready: 10 });
  });

  test('is held again after the supervisor was killed, and resume tries again', async () => {
    const config = join(world.root, 'config');
    const command = sh(`[ -e ${config} ] || {{ echo no config; exit 1; }}; exec sleep 1000`);
    expect((await world.fleetctl('spawn', '10', ...FLAGS, '--', ...command)).code).toBe(4);
    await world.killSupervisor();
    expect((await world.fleetctl('spawn')).code).toBe(4);
    expect((await world.fleet()).held?.sample?.trim()).toBe('no config');
    world.write('config', '');
    await world.ok('resume');
    await until(async () => (await world.fleet()).ready === 10);
    expect((await world.fleet()).held).toBeNull();
  });
});

describe('held by the user', () => {
  test('starts nothing by itself, until resumed', async () => {
    await world.ok('spawn', '4', ...FLAGS, '--', 'sleep', '1000');
    await world.ok('hold');
    const [first] = await world.ps();
    process.kill(first!.pid!, 'SIGKILL');
    await until(async () => (await world.fleet()).running === 3);
    await world.killSupervisor();
    // The hold is durable, and a target that is raised waits for it.
    expect((await world.fleetctl('spawn', '6')).code).toBe(4);
    expect(await world.fleet()).toMatchObject({ running: 3, target: 6 });
    await world.ok('resume');
    await until(async () => (await world.fleet()).ready === 6);
  });

  test('stops what is killed', async () => {
    await world.ok('spawn', '4', ...FLAGS, '--', 'sleep', '1000');
    await world.ok('hold');
    await world.ok('kill', '2');
    expect(world.processes()).toHaveLength(2);
    await world.ok('kill', '--all');
    expect(world.processes()).toEqual([]);
    expect((await world.fleet()).held).not.toBeNull();
  });
});

describe('many deaths at once', () => {
  test('all come back, and never more than `parallel` start at a time', async () => {
    const spec = {
      command: ['sleep', '1000'],
      ready: { after: '200ms' },
      rounds: { parallel: 4, delay: '10ms' },
      restart: { storm: 'off', backoff: { min: '10ms', max: '100ms' } },
    };
    expect((await spawnSpec(60, spec)).code).toBe(0);
    const agents = await world.ps();
    const random = randomOf(7);
    const victims = agents.toSorted(() => random() - 0.5).slice(0, 20);
    for (const { pid } of victims) process.kill(pid!, 'SIGKILL');
    await until(
      async () => victims.every(({ pid }) => !isRunning(pid!)) && (await world.fleet()).ready === 60,
    );
    const after = await world.ps();
    await expectOneProcessEach(world, after);
    // Each starts for 200 ms at least, so the fifth begins no earlier than that after the first, but for rounding.
    const begun = victims.map(({ slot }) => Date.parse(after[slot]!.startedAt!)).sort((x, y) => x - y);
    for (const [i, at] of begun.slice(4).entries()) expect(at - begun[i]!).toBeGreaterThanOrEqual(180);
    const dead = new Set(victims.map(({ slot }) => slot));
    for (const { slot, pid, restarts } of after) {
      expect(restarts, `slot ${slot}`).toBe(dead.has(slot) ? 1 : 0);
      if (!dead.has(slot)) expect(pid).toBe(agents[slot]!.pid);
    }
  });
});

describe('agents with a will of their own', () => {
  // The last is the classic daemon: twice forked, a session of its own, no output, its parent gone at once.
  test.each([
    ['a fork', 'sleep 1000 &'],
    ['a fork in a session of its own', 'setsid sleep 1000 &'],
    ['an orphan with a child', '(setsid sh -c "sleep 1000 & exec sleep 1000" &);'],
    ['a silent orphan', '(setsid sleep 1000 >/dev/null 2>&1 &);'],
  ])('are stopped with all that they forked, were it %s', async (_what, fork) => {
    await world.ok('spawn', '4', ...FLAGS, '--', ...sh(`${fork} exec sleep 1000`));
    const each = fork.includes('sh -c') ? 3 : 2;
    // Those that forked before they were put into their slot's cgroup count as well.
    await until(() => world.processes().length + world.escaped().length === 4 * each);
    await until(() => world.escaped().length === 0, 5_000, 'no fork is outside its slot');
    await world.ok('kill', '1');
    const isWhole = () => world.processes().length === 3 * each && world.escaped().length === 0;
    expect(isWhole()).toBe(true);
    // What a killed agent leaves behind goes before the next one starts in its slot.
    const [first] = await world.ps();
    process.kill(first!.pid!, 'SIGKILL');
    await until(
      async () => (await world.ps())[0]!.pid !== first!.pid && (await world.fleet()).ready === 3 && isWhole(),
    );
    // So it does where no supervisor saw the agent end.
    const [again] = await world.ps();
    await world.killSupervisor();
    process.kill(again!.pid!, 'SIGKILL');
    await world.ok('spawn');
    await until(isWhole);
    await world.ok('kill', '--all');
    expect([...world.processes(), ...world.escaped()]).toEqual([]);
  });

  test('that ignore SIGTERM are killed after their grace, and that is reported', async () => {
    const stubborn = sh('[ $FLEET_SLOT -lt 2 ] && trap "" TERM; while :; do sleep 0.1; done');
    expect((await spawnSpec(5, { command: stubborn, stop: { grace: '500ms' } })).code).toBe(0);
    // `trap` is the first thing that they do: SigIgn shows when it is done.
    await until(async () =>
      (await world.ps())
        .slice(0, 2)
        .every(({ pid }) => /^SigIgn:\s+0*4\d{3}$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))),
    );
    const ended = await world.ok('kill', '--all');
    expect(ended.stderr).toMatch(/5 stopped, 2 of them by SIGKILL after the grace/);
    expect(world.processes()).toEqual([]);
    const kills = (await world.events()).filter(({ type }) => type === 'kill');
    expect(kills.map(({ slots }) => slots)).toEqual(['0-1']);
  });

  test('go on failing with growing pauses where the storm breaker is off', async () => {
    const spec = { command: sh('exit 3'), restart: { storm: 'off', backoff: { min: '100ms', max: '10s' } } };
    const ended = await spawnSpec(3, spec);
    expect(ended.code, ended.stderr).toBe(4);
    expect((await world.fleet()).held).toBeNull();
    await until(async () => (await world.ps()).every(({ restarts }) => restarts >= 5));
    const starts = (await world.events()).filter(
      ({ type, slots }) => type === 'start' && slots?.split(',').some((range) => range.startsWith('0')),
    );
    const pauses = starts
      .map(({ at }) => Date.parse(at))
      .map((at, i, all) => (i === 0 ? 0 : at - all[i - 1]!))
      .slice(1);
    // Jitter takes up to a half of a pause that doubles: over three of them, growth is certain.
    expect(pauses.at(-1)!).toBeGreaterThan(pauses[0]!);
    expect((await world.ps())[0]!.lastExit).toMatchObject({ code: 3, signal: null });
  });
});

describe('restart.on', () => {
  const onceReady = (exit: number) => ({ command: sh(`sleep 0.3; exit ${exit}`) });
  const policy = (on: string) => ({ restart: { on, storm: 'off', backoff: { min: '10ms', max: '50ms' } } });

  test.each([
    ['never', 1, 'failed'],
    ['never', 0, 'completed'],
    ['on-failure', 0, 'completed'],
  ] as const)('%s leaves an agent that exited %i where it is: %s', async (on, exit, state) => {
    await spawnSpec(3, { ...onceReady(exit), ready: { after: '50ms' }, ...policy(on) });
    await until(async () => (await world.fleet())[state] === 3);
    expect((await world.ps()).map(({ restarts, lastExit }) => [restarts, lastExit?.code])).toEqual(
      Array(3).fill([0, exit]),
    );
    // A supervisor that comes back knows that as well as the one that saw it.
    await world.killSupervisor();
    await world.fleetctl('spawn', '--timeout', '2s');
    expect(await world.fleet()).toMatchObject({ [state]: 3, running: 0 });
    expect((await world.ps()).map((agent) => [agent.state, agent.restarts])).toEqual(
      Array(3).fill([state, 0]),
    );
  });

  test('on-failure brings back an agent that failed', async () => {
    await spawnSpec(3, { ...onceReady(1), ...policy('on-failure') });
    await until(async () => (await world.ps()).every(({ restarts }) => restarts >= 2));
  });

  test('never leaves agents alone that ended while no supervisor was there', async () => {
    expect((await spawnSpec(3, { command: ['sleep', '1000'], ...policy('never') })).code).toBe(0);
    const [first] = await world.ps();
    await world.killSupervisor();
    process.kill(first!.pid!, 'SIGKILL');
    await world.fleetctl('spawn', '--timeout', '2s');
    expect(await world.fleet()).toMatchObject({ ready: 2, failed: 1 });
  });
});

describe('the API socket', () => {
  const ask = (method: string, path: string, body?: string, headers = {}) =>
    new Promise<number>((resolve) => {
      const sent = request(
        {
          socketPath: join(world.runtimeDir, 'fleetd.sock'),
          method,
          path,
          headers: { 'content-type': 'application/json', ...headers },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode!);
        },
      );
      sent.on('error', () => resolve(0));
      sent.end(body);
    });

  test('takes rubbish without harm', async () => {
    await world.ok('spawn', '3', ...FLAGS, '--', 'sleep', '1000');
    const before = await world.ps();
    const spawnPath = '/v1/fleets/web/spawn';
    const bad: [string, string, string?][] = [
      ['POST', spawnPath, '{'],
      ['POST', spawnPath, '[]'],
      ['POST', spawnPath, '"5"'],
      ['POST', spawnPath, '{"target":"5"}'],
      ['POST', spawnPath, '{"target":-1}'],
      ['POST', spawnPath, '{"target":1.5}'],
      ['POST', spawnPath, '{"target":1e300}'],
      ['POST', spawnPath, '{"targets":5}'],
      ['POST', spawnPath, '{"spec":[]}'],
      ['POST', spawnPath, '{"spec":{"name":"web","command":[1]}}'],
      ['POST', spawnPath, `{"__proto__":{"target":1}}`],
      ['POST', spawnPath, `{"spec":${'['.repeat(100_000)}`],
      ['POST', spawnPath, `{"spec":"${'x'.repeat(3_000_000)}"}`],
      ['POST', '/v1/fleets/web/kill', '{}'],
      ['POST', '/v1/fleets/web/kill', '{"slots":"9-1"}'],
      ['POST', '/v1/fleets/web/kill', '{"slots":"0-99999999999"}'],
      ['POST', '/v1/fleets/web/kill', '{"count":1,"all":true}'],
      ['POST', '/v1/fleets/web/kill', '{"all":false}'],
      ['POST', '/v1/fleets/web/restart', '{"slots":"1,,2"}'],
      ['POST', '/v1/fleets/%2e%2e%2f/spawn', '{"target":1}'],
      ['POST', '/v1/shutdown', '{"withAgents":"no"}'],
      ['GET', '/v1/fleets/web/watch?goal=%7B%7D'],
      ['GET', '/v1/fleets/web/watch?goal=%7B%22kind%22%3A%22gone%22%2C%22slots%22%3A%22x%22%7D'],
      ['GET', '/v1/fleets/web/slots/..%2f..%2f0/log'],
      ['GET', '/v1/fleets/web/slots/1e3/log'],
      ['GET', '/v1/fleets/__proto__/watch?goal=1'],
      ['DELETE', '/v1/fleets/nobody'],
      ['PUT', spawnPath, '{}'],
    ];
    for (const [method, path, body] of bad) {
      const status = await ask(method, path, body);
      expect(
        status === 0 || (status >= 400 && status < 500),
        `${method} ${path} ${body?.slice(0, 40)}: ${status}`,
      ).toBe(true);
    }
    expect(await world.ps()).toMatchObject(before.map(({ pid }) => ({ pid })));
    expect((await world.fleet()).target).toBe(3);
  });

  test('answers others while connections are half open, torn or speak no HTTP', async () => {
    await world.ok('spawn', '3', ...FLAGS, '--', 'sleep', '1000');
    const path = join(world.runtimeDir, 'fleetd.sock');
    const words = [
      '',
      'GET',
      'GET /v1/status HTTP/1.1\r\n',
      '\0\0\0\0',
      '\x16\x03\x01',
      `GET /${'x'.repeat(100_000)}`,
      'POST /v1/fleets/web/spawn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"target":',
    ];
    const sockets = Array.from({ length: 70 }, (_, i) => {
      const socket = createConnection(path);
      socket.on('error', () => {});
      socket.write(words[i % words.length]!);
      if (i % 3 === 0) socket.destroy();
      return socket;
    });
    expect(await world.fleet()).toMatchObject({ target: 3, ready: 3 });
    for (const socket of sockets) socket.destroy();
    await world.ok('spawn', '4');
  });
});

describe('output', () => {
  test('of a loud agent stays within its bound, and is followed', async () => {
    const maxBytes = 256 * 1024;
    const loud = sh(
      'i=0; while :; do i=$((i+1)); echo "line $i of slot $FLEET_SLOT ----------------------------------------"; [ $((i % 200)) = 0 ] && sleep 0.05; done',
    );
    expect((await spawnSpec(2, { command: loud, logs: { maxSize: '256K' } })).code).toBe(0);
    const log = join(world.stateDir, 'logs/web/0.log');
    await until(() => existsSync(`${log}.1`), 20_000, 'a log that grows fast from its start is cut');
    let most = 0;
    let rounds = 0;
    let last = 0;
    // Through several cuts: the bound, and what a fast agent writes between two looks.
    await until(() => {
      const size = statSync(log).size;
      if (size < last) rounds++;
      last = size;
      most = Math.max(most, size + (existsSync(`${log}.1`) ? statSync(`${log}.1`).size : 0));
      return rounds >= 3;
    });
    expect(most).toBeLessThan(16 * maxBytes);
    const follower = spawn(new URL('../../bin/fleetctl', import.meta.url).pathname, ['logs', '1', '-f'], {
      env: world.env,
    });
    let said = '';
    follower.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await until(() => said.includes('of slot 1'));
    const seen = said.length;
    await until(() => said.length > seen + 10_000);
    follower.kill('SIGTERM');
    await until(() => follower.exitCode !== null || follower.signalCode !== null);
    expect(said).not.toContain('of slot 0');
  });

  test('is not read through what somebody has put in its place, and the refusal says so', async () => {
    await spawnSpec(1, { command: ['sleep', '1000'] });
    const log = join(world.stateDir, 'logs/web/0.log');
    rmSync(log);
    symlinkSync('/etc/hostname', log);
    const { code, stderr } = await world.fleetctl('logs', '0');
    expect(stderr).toMatch(
      `FLEET_STATE_UNUSABLE: cannot read the log: ${log} is a symbolic link, not a regular file`,
    );
    expect(stderr).toContain("Move it away; the agent's next start creates a new log.");
    expect(code).toBe(1);
    rmSync(log);
    await world.ok('restart', '--slots', '0');
    await world.ok('logs', '0');
  });

  test('goes nowhere with null, and is refused to a journal that is not there', async () => {
    expect(
      (await spawnSpec(2, { command: ['sh', '-c', 'echo hello; exec sleep 1000'], logs: { to: 'null' } }))
        .code,
    ).toBe(0);
    expect(globSync(join(world.stateDir, 'logs/web/*'))).toEqual([]);
    const refused = await world.fleetctl('logs', '0');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('to: null');
    await world.ok('kill', '--all');
    if (existsSync('/run/systemd/journal/stdout')) return;
    const journal = await spawnSpec(2, { command: ['sleep', '1000'], logs: { to: 'journal' } });
    expect(journal.code, journal.stderr).toBe(2);
    expect(journal.stderr).toMatch(/no journald on this host/);
  });
});
