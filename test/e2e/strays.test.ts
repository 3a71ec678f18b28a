import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Stray, StraysAnswer } from '../../src/api/strays.ts';
import { isRunning, until, World } from './harness.ts';

const PORT_BASE = 27_100;
const IS_ROOT = process.getuid!() === 0;

/** Serves its port; what follows the port makes it stubborn, or fork a worker. */
const AGENT = `#!/usr/bin/perl
use strict; use IO::Socket::INET;
my ($port, $how) = (@ARGV, '');
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port", Listen => 5, ReuseAddr => 1) or die "port $port: $@";
$SIG{TERM} = 'IGNORE' if $how eq 'stubborn';
fork() if $how eq 'forking';
sleep 1000 while 1;
`;

let world: World;
let children: ChildProcess[];
beforeEach(() => {
  world = new World();
  children = [];
});
afterEach(async () => {
  // Each leads a group, and what it forked is in it.
  for (const child of children) tryKillGroup(child.pid!);
  await world.dispose();
});

function writeAgent(): void {
  writeFileSync(join(world.root, 'agent'), AGENT);
  chmodSync(join(world.root, 'agent'), 0o755);
}

/** A fleet of these agents, slot i at PORT_BASE + i. */
async function spawnFleet(target: number, changes: object = {}): Promise<void> {
  writeAgent();
  const spec = {
    name: 'hand',
    command: ['./agent', '{port}'],
    ports: { base: PORT_BASE, protocol: 'tcp' },
    rounds: { parallel: 50, delay: '0s' },
    stop: { grace: '1s' },
    ...changes,
  };
  await world.ok('spawn', String(target), '-f', world.write('fleet.json', JSON.stringify(spec)));
}

/** Starts a program by hand, as a person in a shell would. */
function byHand(...argv: string[]): number {
  return keep(
    spawn(argv[0]!, argv.slice(1), { cwd: world.root, env: world.env, stdio: 'ignore', detached: true }),
  );
}

function keep(child: ChildProcess): number {
  children.push(child);
  return child.pid!;
}

function tryKillGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {}
}

async function strays(...args: string[]): Promise<Stray[]> {
  return (JSON.parse((await world.ok('strays', '--json', ...args)).stdout) as { strays: Stray[] }).strays;
}

/** Waits until so many strays serve a port, and gives them. */
async function untilStrays(count: number): Promise<Stray[]> {
  let found: Stray[] = [];
  await until(async () => {
    found = await strays();
    return found.length === count && found.every(({ ports }) => ports.length > 0);
  });
  return found;
}

function pidsBySlot(agents: readonly { slot: number | null; pid: number | null }[]): (number | null)[][] {
  return agents.map(({ slot, pid }) => [slot, pid]).sort((a, b) => a[0]! - b[0]!);
}

describe.skipIf(!IS_ROOT)('whom a stray runs as', () => {
  const BASE = 31_000;
  const asUser = (uid: number, slot: number) =>
    keep(
      spawn('./agent', [String(PORT_BASE + slot)], {
        cwd: world.root,
        env: world.env,
        stdio: 'ignore',
        detached: true,
        uid,
        gid: uid,
      }),
    );
  const adopted = async () => {
    const { stdout } = await world.fleetctl('strays', '--adopt', '--json');
    return (JSON.parse(stdout) as StraysAnswer).strays;
  };
  beforeEach(() => chmodSync(world.root, 0o755));

  test('is whom its slot runs as: another user’s process is refused, both named, and left as it is', async () => {
    await spawnFleet(1);
    const [own, other] = [byHand('./agent', String(PORT_BASE + 1)), asUser(BASE, 2)];
    const listed = await untilStrays(2);
    const why = `it runs as uid ${BASE}, but hand runs its agents as uid 0 (root)`;
    expect(new Map(listed.map(({ pid, refused }) => [pid, refused]))).toEqual(
      new Map([
        [own, null],
        [other, why],
      ]),
    );
    expect((await world.ok('strays')).stdout).toContain(`pid ${other} cannot be adopted: ${why}`);
    const results = await adopted();
    expect(results.find(({ pid }) => pid === own)).toMatchObject({ result: 'adopted', slot: 1 });
    expect(results.find(({ pid }) => pid === other)).toMatchObject({ result: 'failed', reason: why });
    expect(await world.fleet()).toMatchObject({ target: 2 });
    expect(isRunning(other)).toBe(true);
  });

  test('decides its slot where each slot has its own user', async () => {
    await spawnFleet(1, { user: { base: BASE } });
    const [right, root, wrong] = [
      asUser(BASE + 3, 3),
      byHand('./agent', String(PORT_BASE + 4)),
      asUser(BASE + 6, 5),
    ];
    await untilStrays(3);
    const results = await adopted();
    const of = (pid: number) => results.find((stray) => stray.pid === pid);
    expect(of(right)).toMatchObject({ result: 'adopted', slot: 3 });
    expect(of(root)).toMatchObject({
      result: 'failed',
      reason: `it runs as uid 0 (root), but slot 4 of hand, whose port it holds, runs as uid ${BASE + 4}`,
    });
    expect(of(wrong)).toMatchObject({
      result: 'failed',
      reason: `it holds the port of slot 5 of hand, which runs as uid ${BASE + 5}, but runs as uid ${BASE + 6}, the user of slot 6`,
    });
    expect(await world.fleet()).toMatchObject({ target: 2 });
  });
});

describe('fleetctl strays', () => {
  test('lists ten processes started by hand, with who started them and what they hold; signals none', async () => {
    await spawnFleet(2);
    expect(await strays()).toEqual([]);
    const pids = Array.from({ length: 10 }, (_, i) => byHand('./agent', String(PORT_BASE + 2 + i)));
    const found = await untilStrays(10);
    expect(pidsBySlot(found)).toEqual(pids.map((pid, i) => [i + 2, pid]));
    expect(found[0]).toMatchObject({
      fleet: 'hand',
      uid: process.getuid!(),
      command: `/usr/bin/perl ./agent ${PORT_BASE + 2}`,
      ports: [{ protocol: 'tcp', port: PORT_BASE + 2 }],
      workers: [],
    });
    expect(found[0]!.parents[0]).toMatchObject({ pid: process.pid });
    const { stdout } = await world.ok('strays');
    expect(stdout).toContain('hand: 10 strays');
    expect(stdout).toContain(`started by`);
    for (const line of stdout.split('\n')) expect(line).not.toMatch(/undefined|null/);
    expect(pids.every(isRunning)).toBe(true);
  });

  test('does not take other scripts of the same interpreter, editors of the script, or another supervisor’s agents', async () => {
    await spawnFleet(1);
    const other = new World();
    try {
      world.write('other', AGENT);
      byHand('perl', 'other', String(PORT_BASE + 5));
      byHand('tail', '-f', 'agent');
      await other.ok(
        'spawn',
        '2',
        '--name',
        'theirs',
        '--port-base',
        String(PORT_BASE + 50),
        '--ready',
        'tcp',
        '--',
        join(world.root, 'agent'),
        '{port}',
      );
      expect(await strays()).toEqual([]);
      const { strays: theirs } = JSON.parse((await other.ok('strays', '--json')).stdout);
      expect(theirs).toEqual([]);
      const mine = byHand('./agent', String(PORT_BASE + 6));
      const [found] = await untilStrays(1);
      expect(found!.pid).toBe(mine);
      await world.ok('strays', '--kill');
      expect((await other.ps()).map(({ state }) => state)).toEqual(['ready', 'ready']);
    } finally {
      await other.dispose();
    }
  });

  test('one that forked is one stray, with its worker', async () => {
    await spawnFleet(1);
    const pid = byHand('./agent', String(PORT_BASE + 3), 'forking');
    await until(async () => (await strays())[0]?.workers.length === 1);
    const found = await strays();
    expect(found).toHaveLength(1);
    expect(found[0]!.pid).toBe(pid);
  });
});

describe('fleetctl strays --kill', () => {
  test('ends those that are named, then all, one that ignores the signal after its grace, with what they forked', async () => {
    await spawnFleet(1);
    const first = byHand('./agent', String(PORT_BASE + 1));
    const stubborn = byHand('./agent', String(PORT_BASE + 2), 'stubborn');
    const forking = byHand('./agent', String(PORT_BASE + 3), 'forking');
    await untilStrays(3);
    await world.ok('strays', '--kill', String(first));
    expect([first, stubborn, forking].map(isRunning)).toEqual([false, true, true]);
    const [{ workers }] = (await strays()).filter(({ pid }) => pid === forking) as [Stray];
    await world.ok('strays', '--kill');
    expect([stubborn, forking].map(isRunning)).toEqual([false, false]);
    await until(() => !workers.some(isRunning));
    expect(await world.fleet()).toMatchObject({ target: 1, ready: 1 });
  });

  test('leaves alone what is no stray, whoever asks for it', async () => {
    await spawnFleet(1);
    const bystander = byHand('sleep', '1000');
    const [agent] = await world.ps();
    const { stderr } = await world.ok('strays', '--kill', String(bystander), String(agent!.pid));
    expect(stderr).toContain('not a stray of this fleet');
    expect(isRunning(bystander)).toBe(true);
    expect(isRunning(agent!.pid!)).toBe(true);
  });
});

describe.runIf(IS_ROOT)('fleetctl strays --adopt (needs a cgroup tree)', () => {
  test('makes agents of ten processes as they run, found again by the next supervisor, started again when they end', async () => {
    await spawnFleet(2);
    const pids = Array.from({ length: 10 }, (_, i) => byHand('./agent', String(PORT_BASE + 2 + i)));
    await untilStrays(10);
    const { stderr } = await world.ok('strays', '--adopt');
    expect(stderr).toContain('target 2 → 12');
    await until(async () => (await world.fleet()).ready === 12);
    expect(pidsBySlot(await world.ps()).slice(2)).toEqual(pids.map((pid, i) => [i + 2, pid]));
    expect(await strays()).toEqual([]);
    expect(pids.every((pid) => world.processes().includes(pid))).toBe(true);

    await world.killSupervisor();
    await world.ok('watchdog');
    expect(pidsBySlot(await world.ps()).slice(2)).toEqual(pids.map((pid, i) => [i + 2, pid]));

    process.kill(pids[4]!, 'SIGKILL');
    await until(async () => {
      const agent = (await world.ps()).find(({ slot }) => slot === 6);
      return agent?.state === 'ready' && agent.pid !== pids[4];
    });
    await world.ok('spawn', '12');
    expect(world.processes()).toHaveLength(12);
    await world.ok('kill', '--all');
    expect(pids.some(isRunning)).toBe(false);
  });

  test('takes what a stray forked along, and ends it with the agent', async () => {
    await spawnFleet(1);
    const pid = byHand('./agent', String(PORT_BASE + 1), 'forking');
    await until(async () => (await strays())[0]?.workers.length === 1);
    const [worker] = (await strays())[0]!.workers;
    await world.ok('strays', '--adopt');
    expect(world.processes()).toEqual(expect.arrayContaining([pid, worker]));
    await world.ok('kill', '--slots', '1');
    await until(() => !isRunning(pid) && !isRunning(worker!));
  });

  test('fills the empty slot whose port it holds instead of raising the target', async () => {
    await spawnFleet(3);
    await world.ok('hold');
    const second = (await world.ps())[1]!;
    process.kill(second.pid!, 'SIGKILL');
    await until(() => !isRunning(second.pid!));
    const pid = byHand('./agent', String(PORT_BASE + 1));
    await untilStrays(1);
    const { stderr } = await world.ok('strays', '--adopt');
    expect(stderr).toContain('target still 3');
    expect((await world.ps())[1]).toMatchObject({ slot: 1, pid });
  });

  test('one without the port of a slot gets the lowest free one, and the user is told that it may not last', async () => {
    await spawnFleet(2, { ready: { tcp: true, timeout: '2s' } });
    const pid = byHand('./agent', String(PORT_BASE - 50));
    await untilStrays(1);
    const { stderr } = await world.ok('strays', '--adopt');
    expect(stderr).toContain(`pid ${pid} does not hold port ${PORT_BASE + 2} of its slot 2`);
    await until(async () => (await world.fleet()).ready === 3);
    expect(isRunning(pid)).toBe(false);
    expect(world.processes()).toHaveLength(3);
  });

  test('a supervisor that is killed meanwhile leaves exactly the target, and no process in two places', async () => {
    await spawnFleet(2);
    for (let round = 0; round < 4; round++) {
      const wave = Array.from({ length: 5 }, (_, i) =>
        byHand('./agent', String(PORT_BASE + 10 + round * 5 + i)),
      );
      await until(async () => wave.every((pid) => isRunning(pid)) && (await strays()).length >= wave.length);
      const adopting = world.fleetctl('strays', '--adopt');
      await new Promise((resolve) => setTimeout(resolve, 100 + round * 60));
      const pid = world.supervisorPid();
      if (pid !== null) process.kill(pid, 'SIGKILL');
      await adopting;
      await world.fleetctl('watchdog');
      const { target } = await world.fleet();
      const left = await strays();
      expect(wave.every(isRunning)).toBe(true);
      // Ports of strays that were not taken in are theirs still: their slots, where wanted, cannot be ready.
      await world.ok('strays', '--adopt');
      await until(async () => (await world.fleet()).ready === (await world.fleet()).target);
      expect((await world.fleet()).target).toBeLessThanOrEqual(target + left.length);
      expect(world.processes()).toHaveLength((await world.fleet()).target);
      expect(new Set((await world.ps()).map((agent) => agent.pid)).size).toBe((await world.fleet()).target);
    }
    expect(world.escaped()).toEqual([]);
  });
});

describe.runIf(IS_ROOT)('without a cgroup tree', () => {
  test('adoption is refused with its reason, and nothing has changed; strays can be ended', async () => {
    const uid = 65_533;
    world = new World({}, uid);
    await spawnFleet(1);
    const options = { cwd: world.root, uid, gid: uid, stdio: 'ignore', detached: true } as const;
    const pid = keep(spawn('./agent', [String(PORT_BASE + 1)], options));
    await untilStrays(1);
    const { code, stderr } = await world.fleetctl('strays', '--adopt');
    expect(code).toBe(1);
    expect(stderr).toContain('cgroup');
    expect(await world.fleet()).toMatchObject({ target: 1, ready: 1 });
    expect(isRunning(pid)).toBe(true);
    await world.ok('strays', '--kill');
    expect(isRunning(pid)).toBe(false);
  });
});
