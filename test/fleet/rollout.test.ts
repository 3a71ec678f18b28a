import { describe, expect, test } from 'vitest';
import { judgeGoal } from '../../src/fleet/goal.ts';
import { ImaginaryHost } from './driver.ts';
import { WELL_BEHAVED } from './natures.ts';

const UPDATE = { batch: 10, wait: '10s', canary: 0, maxFailed: '10%' };

/** A fleet of so many on release r1 that has been ready for long. */
function settled(count: number, update: object = {}, document: object = {}): ImaginaryHost {
  const world = new ImaginaryHost({
    rounds: { parallel: 5, delay: 0 },
    update: { ...UPDATE, ...update },
    ...document,
  });
  world.spawn(count);
  world.advance(600_000);
  return world;
}

/** How many agents run each release. */
function releases(world: ImaginaryHost): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { release } of world.processes.values()) counts[release] = (counts[release] ?? 0) + 1;
  return counts;
}

const record = (world: ImaginaryHost) => world.fleet.rolling.record!;

describe('a good release', () => {
  test('replaces each agent once, batch by batch, with every batch observed', () => {
    const world = settled(30);
    const begun = world.now;
    world.roll('r2');
    world.advance(60_000);
    expect(record(world)).toMatchObject({ state: 'done', updated: 30, failures: [], reason: null });
    expect(releases(world)).toEqual({ r2: 30 });
    expect(world.steps('stop', begun).map(({ slot }) => slot)).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    );
    // Two rounds of 110 ms a batch, and 10 s of observation.
    const stops = world.steps('stop', begun).map(({ at }) => at - begun);
    expect(stops.filter((at) => at < 10_000)).toHaveLength(10);
    expect(stops.at(-1)).toBeLessThan(2 * 10_300);
    expect(record(world).verdicts.map(({ batch, agents, isGood }) => [batch, agents, isGood])).toEqual([
      [1, 10, true],
      [2, 10, true],
      [3, 10, true],
    ]);
  });

  test('goes to the canary first, alone', () => {
    const world = settled(30, { canary: 2 });
    world.roll('r2');
    world.advance(9_000);
    expect(releases(world)).toEqual({ r1: 28, r2: 2 });
    world.advance(60_000);
    expect(record(world).verdicts.map(({ agents, isCanary }) => [agents, isCanary])).toEqual([
      [2, true],
      [10, false],
      [10, false],
      [8, false],
    ]);
    expect(record(world).state).toBe('done');
  });

  test('takes a share of the fleet as its batch, and at least one agent', () => {
    const world = settled(8, { batch: '5%', wait: '1s' });
    world.roll('r2');
    world.advance(60_000);
    expect(record(world)).toMatchObject({ state: 'done' });
    expect(record(world).verdicts).toHaveLength(8);
  });

  test('goes to what is broken first, which neither counts nor holds anything up', () => {
    const world = settled(20, {}, { restart: { storm: 'off' } });
    const broken = { ...WELL_BEHAVED, readyMs: null, crashMs: 50 };
    for (const slot of [17, 18, 19]) {
      world.natures.set(slot, broken);
      world.crash(slot);
    }
    world.advance(60_000);
    world.roll('r2', { maxFailed: { count: 0 } });
    world.advance(1_000);
    expect(record(world).batch!.slots).toEqual([17, 18, 19, 0, 1, 2, 3, 4, 5, 6]);
    world.advance(60_000);
    expect(record(world)).toMatchObject({ state: 'done', broken: [17, 18, 19] });
    expect(releases(world).r1).toBeUndefined();
  });

  test('repairs a fleet that is broken as a whole, though the storm breaker holds it', () => {
    const world = settled(10);
    world.releases.set('r1', { readyMs: null, crashMs: 50 });
    for (let slot = 0; slot < 10; slot++) world.crash(slot);
    world.advance(60_000);
    expect(world.fleet.hold?.by).toBe('storm');
    world.roll('r2', { waitMs: 1_000 });
    world.advance(120_000);
    expect(record(world)).toMatchObject({ state: 'done', updated: 10 });
    expect(world.fleet.hold).toBe(null);
  });

  test('is not replaced twice where a crash has brought an agent back meanwhile', () => {
    const world = settled(20);
    const begun = world.now;
    world.roll('r2');
    world.advance(5_000);
    world.crash(15);
    world.settle();
    expect(world.processOf(15)!.release).toBe('r1');
    world.advance(60_000);
    expect(record(world).state).toBe('done');
    expect(world.steps('start', begun).filter(({ slot }) => slot === 15)).toHaveLength(2);
    expect(world.steps('stop', begun)).toHaveLength(20);
  });

  test('gives new agents of a spawn meanwhile the new release, and keeps the target', () => {
    const world = settled(20);
    world.roll('r2');
    world.advance(5_000);
    world.spawn(25);
    world.advance(1_000);
    expect(world.processOf(24)!.release).toBe('r2');
    world.kill(10);
    world.advance(60_000);
    expect(releases(world)).toEqual({ r2: 15 });
    expect(record(world)).toMatchObject({ state: 'done', updated: 15 });
  });
});

test('a release is not taken back for the time to become ready that a crowded start alone makes', () => {
  const world = settled(100);
  world.releases.set('r2', { readyMs: 1_000 });
  world.roll('r2');
  world.advance(300_000);
  expect(record(world)).toMatchObject({ state: 'done', updated: 100 });
});

describe('a bad release is taken back in its first batch', () => {
  const cases = {
    'exits at once': [{ readyMs: null, crashMs: 10 }, 'exited 1'],
    'never becomes ready': [{ readyMs: null }, 'not ready within 5 s: not listening'],
    'crashes after a while': [
      { crashMs: 8_000, crashExit: { code: null, signal: 'SIGSEGV' } },
      'killed by SIGSEGV',
    ],
    'cannot be executed': [{ start: 'cannot be executed' }, 'ENOENT'],
    'is twenty times slower to become ready': [
      { readyMs: 2_000 },
      'agents take 2.0 s to become ready, those of r1 100 ms',
    ],
    'uses three times the memory': [{ rssBytes: 30 * 2 ** 20 }, 'agents use 30M of memory, those of r1 10M'],
    'uses much more of the processor': [{ cpu: 0.5 }, 'agents use 0.50 of a processor, those of r1 0.01'],
  } as const;

  test.each(Object.entries(cases))('one that %s', (_name, [nature, reason]) => {
    const world = settled(100, {}, { ready: { after: '1s', timeout: '5s' } });
    const { pids } = world;
    world.releases.set('r2', nature);
    world.roll('r2');
    world.advance(60_000);
    expect(record(world)).toMatchObject({ state: 'rolled-back', updated: 0 });
    expect(record(world).reason).toContain(reason);
    expect(world.steps('rollout').at(-1)!.reason).toBe(
      'rolled back: 100 of 100 agents are ready on release r1',
    );
    expect(releases(world)).toEqual({ r1: 100 });
    expect(world.states).toBe(Array(100).fill('ready').join(' '));
    const kept = Object.entries(pids).filter(([slot]) => Number(slot) >= 10);
    for (const [slot, pid] of kept) expect(world.pids[Number(slot)]).toBe(pid);
    expect(world.fleet.release).toBe('r1');
  });

  test('and the canary protects the rest', () => {
    const world = settled(100, { canary: 3 }, { ready: { after: '1s', timeout: '5s' } });
    const { pids } = world;
    world.releases.set('r2', { readyMs: null });
    world.roll('r2');
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
    expect(record(world).reason).toMatch(/^canary: /);
    for (let slot = 3; slot < 100; slot++) expect(world.pids[slot]).toBe(pids[slot]);
  });

  test('at once when too many have failed, and not when the batch is over', () => {
    const world = settled(100, { maxFailed: 2 });
    world.roll('r2');
    world.advance(3_000);
    for (const slot of [1, 2]) world.crash(slot);
    world.advance(2_000);
    expect(record(world)).toMatchObject({ state: 'running', failures: [{ slot: 1 }, { slot: 2 }] });
    world.crash(1);
    world.advance(2_000);
    expect(record(world).state).toBe('running');
    world.crash(3);
    world.advance(1);
    expect(record(world).state).toBe('rolling-back');
    expect(record(world).reason).toBe(
      'batch 1: 3 of 100 agents failed (maxFailed is 2): exited 1 (slots 1-3)',
    );
    world.advance(1_000);
    expect(record(world).state).toBe('rolled-back');
  });

  test('with everything before it, when a later batch is bad', () => {
    const world = settled(40, {}, { restart: { storm: 'off' } });
    world.roll('r2');
    world.advance(15_000);
    world.releases.set('r2', { crashMs: 100 });
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
    expect(releases(world)).toEqual({ r1: 40 });
  });

  test('but not for a host that has become slower since the agents were started', () => {
    const world = settled(40);
    world.roll('r2');
    for (const readyMs of [300, 600, 1_200, 2_400]) {
      world.releases.set('r2', { readyMs });
      world.advance(10_000 + 2 * readyMs + 20);
    }
    world.advance(60_000);
    expect(record(world).verdicts.map(({ cohort }) => cohort!.readyMs)).toEqual([300, 600, 1_200, 2_400]);
    expect(record(world).state).toBe('done');
  });

  test('whose failures hold no fleet', () => {
    const world = settled(20, { batch: 20 });
    world.releases.set('r2', { readyMs: null, crashMs: 10 });
    world.roll('r2');
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
    expect(world.steps('hold')).toEqual([]);
  });

  test('unless the user wants to look first: then the fleet is held', () => {
    const world = settled(20, { rollback: false });
    world.releases.set('r2', { readyMs: null, crashMs: 10 });
    world.roll('r2');
    world.advance(60_000);
    expect(record(world).state).toBe('paused');
    expect(world.fleet.hold).toMatchObject({ by: 'rollout', reason: expect.stringContaining('exited 1') });
    world.abort();
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
    expect(world.fleet.hold).toBe(null);
    expect(releases(world)).toEqual({ r1: 20 });
  });

  test('unless the user accepts what was found', () => {
    const world = settled(20, { rollback: false, maxFailed: 0 });
    world.roll('r2');
    world.advance(3_000);
    world.crash(1);
    world.advance(60_000);
    expect(record(world).state).toBe('paused');
    world.goOn();
    world.advance(60_000);
    expect(record(world)).toMatchObject({ state: 'done', updated: 20 });
  });
});

describe('a deadline', () => {
  const DEADLINE = { healthyDeadline: '20s', wait: '1s' };

  test('counts an agent as failed that is not ready in its time, whatever keeps it', () => {
    const world = settled(20, DEADLINE);
    world.releases.set('r2', { start: 'hits a limit' });
    world.roll('r2');
    world.advance(19_000);
    expect(record(world).state).toBe('running');
    world.advance(2_000);
    expect(record(world).state).toBe('rolled-back');
    expect(record(world).reason).toContain('not ready within healthyDeadline (20 s)');
  });

  test('rests while old agents take their time to go', () => {
    const world = settled(20, DEADLINE, { stop: { grace: '60s' } });
    world.nature = { ...WELL_BEHAVED, stopMs: 50_000 };
    world.roll('r2');
    world.advance(600_000);
    expect(record(world)).toMatchObject({ state: 'done', failures: [] });
  });

  test('rests while memory is short or the fleet is held', () => {
    const world = settled(20, DEADLINE);
    world.roll('r2');
    world.settle();
    world.fleet.pressure = { reason: 'short', since: world.now };
    world.advance(100_000);
    world.fleet.pressure = null;
    world.hold();
    world.advance(100_000);
    world.resume();
    world.advance(60_000);
    expect(record(world)).toMatchObject({ state: 'done', failures: [] });
  });
});

describe('what a user does meanwhile', () => {
  test('pause lets the batch get ready and begins no other', () => {
    const world = settled(30);
    world.roll('r2');
    world.turns(2);
    world.pause();
    world.advance(60_000);
    expect(releases(world)).toEqual({ r1: 20, r2: 10 });
    world.goOn();
    world.advance(60_000);
    expect(record(world).state).toBe('done');
  });

  test('hold stops everything, a rollback too', () => {
    const world = settled(30);
    world.roll('r2');
    world.advance(15_000);
    world.hold();
    const { pids } = world;
    for (let slot = 0; slot < 10; slot++) world.crash(slot);
    world.advance(60_000);
    expect(record(world).state).toBe('running');
    expect(Object.keys(world.pids)).toHaveLength(Object.keys(pids).length - 10);
    world.resume();
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
  });

  test('abort goes back, and rollback goes to any release', () => {
    const world = settled(30);
    world.roll('r2');
    world.advance(15_000);
    world.abort();
    world.advance(10_000);
    expect(record(world)).toMatchObject({
      state: 'rolled-back',
      from: 'r1',
      reason: 'aborted by fleetctl rollout abort',
    });
    world.fleet.releases.set('r0', { ...world.fleet.releases.get('r1')!, id: 'r0' });
    world.rollBack('r0');
    world.advance(10_000);
    expect(releases(world)).toEqual({ r0: 30 });
    expect(record(world)).toMatchObject({ state: 'rolled-back', from: 'r0', to: 'r1' });
  });

  test('an agent of the batch that is wanted again after an abort stays on its release', () => {
    const world = settled(30);
    world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
    world.roll('r2');
    while (!record(world).batch) world.turns(1);
    const last = record(world).batch!.slots.at(-1)!;
    expect(world.processOf(last)!.release).toBe('r1');
    world.killSlots([last]);
    world.abort();
    while (record(world).state !== 'rolled-back') world.turns(1);
    world.want(last);
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
    expect(releases(world)).toEqual({ r1: 30 });
  });

  test('a rolling update during another takes its place, and goes back to what was proven', () => {
    const world = settled(30);
    world.roll('r2');
    world.advance(15_000);
    world.releases.set('r3', { readyMs: null, crashMs: 10 });
    world.roll('r3');
    world.settle();
    expect(record(world)).toMatchObject({ from: 'r1', to: 'r3', unproven: ['r2'] });
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
    expect(releases(world)).toEqual({ r1: 30 });
  });

  test('a spawn of another release ends it', () => {
    const world = settled(30);
    world.roll('r2');
    world.advance(5_000);
    world.spawn(30, { release: 'r3' });
    world.advance(60_000);
    expect(world.fleet.rolling.record).toBe(null);
    expect(releases(world)).toEqual({ r1: 20, r2: 10 });
  });

  test('what is wanted again while everything goes back goes back, too', () => {
    const world = settled(20, {}, { stop: { parallel: 1 } });
    world.roll('r2');
    world.advance(5_000);
    world.killSlots('5-9');
    world.abort();
    world.spawn(20);
    world.advance(60_000);
    expect(record(world).state).toBe('rolled-back');
    expect(releases(world)).toEqual({ r1: 20 });
  });

  test('what is wanted again before it has gone has its turn, too', () => {
    const world = settled(20, {}, { stop: { parallel: 1 } });
    world.nature = { ...WELL_BEHAVED, stopMs: 5_000 };
    world.roll('r2');
    world.advance(55_000);
    world.killSlots('10-19');
    world.advance(8_000);
    world.spawn(20);
    world.advance(300_000);
    expect(record(world)).toMatchObject({ state: 'done', updated: 20 });
    expect(releases(world)).toEqual({ r2: 20 });
  });

  test('killed agents of the batch are nothing to wait for', () => {
    const world = settled(30);
    world.releases.set('r2', { readyMs: 5_000 });
    world.roll('r2', { maxFailed: { count: 30 } });
    world.settle();
    world.killSlots('0-9');
    world.advance(1_000);
    expect(record(world).batch!.number).toBeGreaterThan(1);
  });
});

describe('the supervisor', () => {
  test('goes on with a window that its predecessor had begun', () => {
    const world = settled(20);
    world.roll('r2');
    world.advance(6_000);
    world.replaceSupervisor(1_000);
    world.advance(5_000);
    expect(record(world).verdicts).toHaveLength(1);
    world.advance(60_000);
    expect(record(world).state).toBe('done');
  });

  test.each([1, 6_000, 15_000])(
    'goes on after a reboot of the host in the middle, %i ms after it began',
    (ms) => {
      const world = settled(30);
      world.roll('r2');
      world.advance(ms);
      world.reboot();
      expect(releases(world)).toEqual({});
      world.advance(100_000);
      expect(record(world)).toMatchObject({ state: 'done', failures: [], updated: 30 });
      expect(releases(world)).toEqual({ r2: 30 });
      for (const { tookMs } of record(world).verdicts) expect(tookMs).toBeGreaterThanOrEqual(0);
    },
  );

  test('tries what its predecessor had given up, on the new release', () => {
    const world = settled(20, {}, { restart: { on: 'never' } });
    world.crash(7);
    world.advance(60_000);
    expect(world.fleet.slot(7).agent.state).toBe('failed');
    world.roll('r2');
    world.turns(2);
    expect(record(world).batch!.slots[0]).toBe(7);
    world.replaceSupervisor();
    world.advance(60_000);
    expect(releases(world)).toEqual({ r2: 20 });
  });

  test('counts what ended while it was away', () => {
    const world = settled(20, { maxFailed: 0 });
    world.roll('r2');
    world.advance(6_000);
    world.crash(3);
    world.replaceSupervisor(1_000);
    world.advance(1);
    expect(record(world)).toMatchObject({
      failures: [{ slot: 3, reason: 'ended while the supervisor was away' }],
    });
    world.advance(10_000);
    expect(record(world).state).toBe('rolled-back');
  });
});

describe('connections', () => {
  const DRAINED = { drain: { timeout: '30s' } };

  test('keep agents from being stopped until they end, or for so long', () => {
    const world = settled(10, DRAINED, { ports: { base: 10_000, protocol: 'tcp' } });
    const begun = world.now;
    world.roll('r2');
    world.advance(5_000);
    expect(world.steps('stop', begun)).toEqual([]);
    for (const slot of [0, 1, 2, 3, 4, 5, 6]) world.fleet.rolling.drain!.busy.delete(slot);
    world.advance(5_000);
    expect(world.steps('stop', begun).map(({ slot }) => slot)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    world.advance(60_000);
    expect(record(world).state).toBe('done');
    expect(
      world
        .steps('stop', begun)
        .slice(7)
        .map(({ at }) => at - begun),
    ).toEqual([30_000, 30_000, 30_000]);
  });
});

describe('who waits for a rollout', () => {
  const goal = (world: ImaginaryHost, id: number, wants: 'done' | 'rolled-back' = 'done') =>
    judgeGoal(world.fleet, { kind: 'rollout', id, wants }, []);

  test('hears how far it is, and ends with 0 where it came to what was wanted', () => {
    const world = settled(20);
    world.roll('r2');
    world.advance(5_000);
    expect(goal(world, 1)).toEqual({ done: 10, of: 20, end: null });
    world.advance(60_000);
    expect(goal(world, 1)).toMatchObject({ done: 20, end: { exitCode: 0 } });
  });

  test('ends with 4 and the reason where it went back, unless that was wanted', () => {
    const world = settled(20);
    world.releases.set('r2', { readyMs: null, crashMs: 10 });
    world.roll('r2');
    world.advance(60_000);
    expect(goal(world, 1).end).toMatchObject({ exitCode: 4, message: expect.stringContaining('exited 1') });
    expect(goal(world, 1, 'rolled-back').end).toMatchObject({ exitCode: 0 });
  });

  test('ends with 4 where the fleet is held, and with 1 where another rollout took its place', () => {
    const world = settled(20);
    world.roll('r2');
    world.hold();
    expect(goal(world, 1).end).toMatchObject({ exitCode: 4, message: 'held: held by fleetctl hold' });
    world.resume();
    world.roll('r3');
    expect(goal(world, 1).end).toMatchObject({ exitCode: 1 });
    expect(goal(world, 2).end).toBe(null);
  });

  test('goes on waiting while it is paused', () => {
    const world = settled(20);
    world.roll('r2');
    world.turns(2);
    world.pause();
    world.advance(60_000);
    expect(goal(world, 1)).toEqual({ done: 10, of: 20, end: null });
  });
});
