import { describe, expect, test } from 'vitest';
import { ImaginaryHost } from './driver.ts';
import { type Nature, WELL_BEHAVED } from './natures.ts';

const CRASHES: Nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 10 };
const NO_DELAY = { rounds: { parallel: 15, delay: '0s' } };
const MAX_MS = 300_000;

/** A fleet of which so many slots, from 0 on, fail whenever they are started. */
function failing(bad: number, target: number, document: object = NO_DELAY): ImaginaryHost {
  const world = new ImaginaryHost(document);
  for (let slot = 0; slot < bad; slot++) world.natures.set(slot, CRASHES);
  world.spawn(target);
  return world;
}

describe('the storm breaker', () => {
  test.each([
    [1, 1, true],
    [1, 2, false],
    [2, 10, false],
    [3, 10, true],
    [3, 30, false],
    [4, 30, true],
  ])('with %s of %s slots failing, holds: %s', (bad, target, holds) => {
    const world = failing(bad, target);
    world.advance(59_000);
    expect(world.fleet.hold?.by === 'storm').toBe(holds);
    expect(world.steps('hold')).toHaveLength(Number(holds));
  });

  test('counts a slot once, however often it fails', () => {
    const backoff = { min: '10ms', max: '10ms' };
    const world = failing(2, 10, { ...NO_DELAY, restart: { backoff } });
    world.advance(50_000);
    expect(world.fleet.slot(0).failures).toBeGreaterThan(1_000);
    expect(world.fleet.hold).toBe(null);
  });

  test('forgets a failure after storm.within', () => {
    const backoff = { min: '10m', max: '10m' };
    const world = failing(2, 10, { ...NO_DELAY, restart: { backoff } });
    world.advance(60_020);
    world.natures.set(9, CRASHES);
    world.restart([9]);
    world.advance(10_000);
    expect(world.fleet.slot(9).failures).toBe(1);
    expect(world.fleet.hold).toBe(null);
  });

  test('counts what ends within 10 s after it got ready, and not what was healthy for longer', () => {
    const world = failing(0, 10);
    world.advance(10_050);
    for (let slot = 0; slot < 10; slot++) world.crash(slot);
    world.advance(5_000);
    expect(world.fleet.hold?.by).toBe('storm');

    const healthy = failing(0, 10);
    healthy.advance(10_150);
    for (let slot = 0; slot < 10; slot++) healthy.crash(slot);
    healthy.advance(5_000);
    expect(healthy.fleet.hold).toBe(null);
    expect(healthy.states).toBe(Array(10).fill('ready').join(' '));
  });

  test.each([
    ['cannot be executed', { start: 'cannot be executed' }],
    ['are not ready in time', { readyMs: null }],
    ['cannot be prepared', { prepare: 'fails' }],
  ] as const)('counts agents that %s', (_, nature) => {
    const world = new ImaginaryHost({
      ...NO_DELAY,
      prepare: ['init'],
      ready: { after: '1s', timeout: '5s' },
    });
    world.nature = { ...WELL_BEHAVED, ...nature };
    world.spawn(10);
    world.advance(6_000);
    expect(world.fleet.hold?.by).toBe('storm');
  });

  test('says how many failed, and how the last of them did, once', () => {
    const world = failing(3, 10);
    world.advance(1_000);
    expect(world.steps('hold').map(({ reason }) => reason)).toEqual([
      '3 of 10 agents failed to start within 60 s; the last: exited 1',
    ]);
  });

  test('does nothing where it is off', () => {
    const world = failing(10, 10, { ...NO_DELAY, restart: { storm: 'off' } });
    world.advance(600_000);
    expect(world.fleet.hold).toBe(null);
  });

  test('does not count slots that are not wanted any more', () => {
    const world = failing(1, 2);
    world.advance(1_000);
    world.killSlots('0-1');
    world.advance(1_000);
    expect(world.fleet.hold).toBe(null);

    // 8 of 100 are no storm; 8 of the 50 that are left would be, but none of them failed.
    const large = failing(8, 100);
    large.advance(5_000);
    expect(large.fleet.hold).toBe(null);
    large.killSlots('0-7,50-91');
    large.advance(5_000);
    expect(large.fleet.hold).toBe(null);
  });

  test('does not count agents that end by themselves while they wait to be stopped', () => {
    const world = failing(0, 10, { ...NO_DELAY, stop: { parallel: 1 } });
    world.advance(1_000);
    world.kill(10);
    for (let slot = 0; slot < 10; slot++) world.crash(slot);
    world.advance(60_000);
    expect(world.steps('hold')).toEqual([]);
    expect(world.fleet.slots.size).toBe(0);
  });
});

describe('a fleet held by the breaker', () => {
  test('tries one start at a time, at backoff.max', () => {
    const world = failing(20, 20);
    world.advance(1_000);
    expect(world.fleet.hold?.by).toBe('storm');
    const from = world.now;
    world.advance(12 * MAX_MS);
    const times = world.startTimes(from);
    expect(times.length).toBeGreaterThanOrEqual(10);
    for (const [i, at] of times.entries())
      expect(at - (times[i - 1] ?? -1_000)).toBeGreaterThanOrEqual(MAX_MS);
  });

  test('tries the next one only when the probe has failed', () => {
    const world = failing(20, 20, { ...NO_DELAY, ready: { after: '1s', timeout: '1h' } });
    world.advance(1_000);
    world.nature = { ...WELL_BEHAVED, readyMs: null };
    world.natures.clear();
    const from = world.now;
    world.advance(10 * MAX_MS);
    expect(world.startTimes(from)).toHaveLength(1);
    expect(world.fleet.counts.starting).toBe(1);
  });

  test('goes on in rounds when the probe gets ready', () => {
    const world = failing(20, 20, { rounds: { parallel: 4, delay: '1s' } });
    world.advance(60_000);
    expect(world.fleet.hold?.by).toBe('storm');
    world.natures.clear();
    world.advance(MAX_MS * 2);
    expect(world.steps('resume')).toHaveLength(1);
    expect(world.states).toBe(Array(20).fill('ready').join(' '));
  });

  test('prepares and starts the probe where it has to be prepared', () => {
    const world = new ImaginaryHost({ prepare: ['init'] });
    world.nature = { ...WELL_BEHAVED, prepare: 'fails' };
    world.spawn(5);
    world.advance(1_000);
    expect(world.fleet.hold?.by).toBe('storm');
    world.nature = WELL_BEHAVED;
    world.advance(2 * MAX_MS);
    expect(world.states).toBe(Array(5).fill('ready').join(' '));
  });

  /** Held, with a probe that takes its time. */
  function probing(target = 5): ImaginaryHost {
    const world = failing(target, target, { ...NO_DELAY, ready: { after: '1s', timeout: '10m' } });
    world.advance(1_000);
    world.natures.clear();
    world.nature = { ...WELL_BEHAVED, readyMs: 200_000, stopMs: 1_000 };
    world.advance(MAX_MS + 10_000);
    expect(world.fleet.counts.starting).toBe(1);
    return world;
  }

  test('tries another slot when the one on probe is killed', () => {
    const world = probing();
    world.killSlots([world.fleet.probe!.number]);
    world.advance(3 * MAX_MS);
    expect(world.fleet.hold).toBe(null);
    expect(world.states).toBe('ready ready ready ready');
  });

  test('tries again when the slot on probe is killed and wanted again before its agent has stopped', () => {
    const world = probing();
    const probe = world.fleet.probe!.number;
    world.killSlots([probe]);
    world.advance(500);
    world.want(probe);
    world.advance(3 * MAX_MS);
    expect(world.fleet.hold).toBe(null);
    expect(world.states).toBe('ready ready ready ready ready');
  });

  test('goes on when a probe that the next supervisor found starting gets ready', () => {
    const world = probing(1);
    world.replaceSupervisor();
    world.advance(3 * MAX_MS);
    expect(world.states).toBe('ready');
    expect(world.fleet.hold).toBe(null);
  });

  test('goes on when the slots that failed are killed and all others are ready', () => {
    const world = failing(3, 10);
    world.advance(1_000);
    expect(world.fleet.hold?.by).toBe('storm');
    world.advance(MAX_MS / 2);
    world.killSlots('0-2');
    world.advance(3 * MAX_MS);
    expect(world.fleet.hold).toBe(null);
  });

  test('tries a host limit no more often than an unheld fleet does', () => {
    const world = failing(5, 5);
    world.advance(1_000);
    world.natures.clear();
    world.nature = { ...WELL_BEHAVED, start: 'hits a limit' };
    world.advance(MAX_MS);
    const from = world.now;
    world.advance(MAX_MS);
    expect(world.startTimes(from).length).toBeLessThan(20);
    world.nature = WELL_BEHAVED;
    world.advance(MAX_MS);
    expect(world.states).toBe('ready ready ready ready ready');
  });

  test('goes on trying when the prepare of the slot on probe hits a host limit', () => {
    const world = new ImaginaryHost({ ...NO_DELAY, prepare: ['init'] });
    world.nature = { ...WELL_BEHAVED, prepare: 'fails' };
    world.spawn(5);
    world.advance(1_000);
    world.nature = { ...WELL_BEHAVED, prepare: 'hits a limit' };
    world.advance(MAX_MS + 1_000);
    world.nature = WELL_BEHAVED;
    world.advance(2 * MAX_MS);
    expect(world.states).toBe('ready ready ready ready ready');
  });

  test('keeps its probe when another slot, prepared since before the hold, fails', () => {
    const world = new ImaginaryHost({
      ...NO_DELAY,
      prepare: ['init'],
      ready: { after: '1s', timeout: '1h' },
    });
    for (const slot of [0, 1, 2]) world.natures.set(slot, { ...WELL_BEHAVED, prepare: 'fails' });
    world.natures.set(3, { ...WELL_BEHAVED, prepareMs: MAX_MS + 5_000, prepare: 'fails' });
    world.spawn(4);
    world.advance(1_000);
    expect(world.fleet.hold?.by).toBe('storm');
    for (const slot of [0, 1, 2]) world.natures.set(slot, { ...WELL_BEHAVED, readyMs: 60_000 });
    world.advance(MAX_MS + 70_000);
    expect(world.fleet.hold).toBe(null);
  });

  test('tries a slot that was stopped for a restart where those that failed have given up', () => {
    const world = new ImaginaryHost({ ...NO_DELAY, restart: { on: 'never' } });
    world.nature = { ...WELL_BEHAVED, stopMs: 10 };
    world.natures.set(4, { ...WELL_BEHAVED, stopMs: 20_000 });
    world.spawn(5);
    world.advance(60_000);
    for (const slot of [0, 1, 2, 3]) world.natures.set(slot, CRASHES);
    world.restart();
    world.advance(1_000);
    expect(world.states).toBe('failed failed failed failed stopping');
    expect(world.fleet.hold?.by).toBe('storm');
    world.advance(2 * MAX_MS);
    expect(world.fleet.slot(4).agent.state).toBe('ready');
    expect(world.fleet.hold).toBe(null);
  });
});

describe('a fleet held by its user', () => {
  /** Five agents that are ready, held. */
  function held(document: object = {}): ImaginaryHost {
    const world = failing(0, 5, document);
    world.advance(60_000);
    world.hold();
    return world;
  }

  test('starts nothing by itself, not even a probe, until it is resumed', () => {
    const world = held();
    world.crash(1);
    world.spawn(7);
    world.advance(3_600_000);
    expect(world.steps('start')).toHaveLength(5);
    expect(world.states).toBe('ready pending ready ready ready pending pending');
    world.resume();
    world.advance(60_000);
    expect(world.states).toBe(Array(7).fill('ready').join(' '));
  });

  test('can be killed', () => {
    const world = held();
    world.killSlots('1,3');
    world.advance(60_000);
    expect([...world.fleet.slots.keys()]).toEqual([0, 2, 4]);
    expect(world.processes.size).toBe(3);
  });

  test('keeps what is unhealthy as it is', () => {
    const world = held({ health: { every: '30s', failures: 1 } });
    world.miss(2, 5);
    world.advance(60_000);
    expect(world.states).toBe('ready ready unready ready ready');
    expect(world.steps('stop')).toEqual([]);
  });

  test('stops what does not get ready in time', () => {
    const world = new ImaginaryHost({ ready: { after: '1s', timeout: '5s' } });
    world.nature = { ...WELL_BEHAVED, readyMs: null };
    world.spawn(1);
    world.settle();
    world.hold();
    world.advance(60_000);
    expect(world.processes.size).toBe(0);
    expect(world.steps('start')).toHaveLength(1);
  });

  test('goes on with a changed spec, and not with the same', () => {
    const world = held();
    world.spawn(7);
    world.advance(60_000);
    expect(world.fleet.counts.ready).toBe(5);
    world.spawn(7, { document: { env: { A: '1' } }, release: 'r2' });
    world.advance(60_000);
    expect(world.fleet.counts.ready).toBe(7);
    expect(world.processOf(0)!.release).toBe('r1');
    expect(world.processOf(6)!.release).toBe('r2');
  });

  test('starts at once what had failed, when it is resumed', () => {
    const world = new ImaginaryHost({ restart: { backoff: { min: '1h', max: '1h' }, storm: 'off' } });
    world.nature = CRASHES;
    world.spawn(1);
    world.advance(10_000);
    world.hold();
    world.nature = WELL_BEHAVED;
    world.advance(10_000);
    world.resume();
    world.advance(1_000);
    expect(world.states).toBe('ready');
    expect(world.fleet.slot(0).failures).toBe(0);
  });

  test('stays held under the next supervisor', () => {
    const world = held();
    world.replaceSupervisor();
    world.crash(0);
    world.advance(3_600_000);
    expect(world.states).toBe('pending ready ready ready ready');
  });
});
