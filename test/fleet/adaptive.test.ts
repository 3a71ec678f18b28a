import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdaptiveLimit } from '../../src/fleet/adaptive/adaptive.ts';
import { idealMs, type Nature, RegistryWorld } from './registry-world.ts';

const steady = (capacity: number) => () => capacity;
const turning = (before: number, after: number) => (now: number) => (now < 10_000 ? before : after);

/** The goal: time against the ideal, and starts that fail of those that are asked for. */
const TIMES_MAX = 1.15;
const FAILED_MAX = 0.005;
/** A limit that has found its way moves by so much: standard deviation over mean. */
const VARIATION_MAX = 0.1;

function start(nature: Partial<Nature>): { world: RegistryWorld; times: number; failed: number } {
  const world = new RegistryWorld(nature);
  const times = world.untilReady() / idealMs(world.nature);
  return { world, times, failed: world.failed / world.nature.agents };
}

describe('a registry of', () => {
  test.each([1, 5, 15, 50, 200, 500, 1_000])(
    '%i a second is kept busy, and nobody times out there',
    (capacity) => {
      // At 1 a second even the 15 of the beginning are too many for a timeout of 10 s.
      const timeoutMs = capacity === 1 ? 30_000 : 10_000;
      const { world, times, failed } = start({
        agents: 15 * capacity + 60,
        capacityAt: steady(capacity),
        timeoutMs,
      });
      expect(times).toBeLessThan(TIMES_MAX);
      expect(failed).toBe(0);
      expect(world.variation(0.5)).toBeLessThan(VARIATION_MAX);
    },
  );

  test.each([
    [100, 50],
    [500, 250],
    [50, 200],
    [50, 500],
  ])('%i a second that becomes one of %i midway is followed', (before, after) => {
    const { world, times, failed } = start({
      agents: 10 * before + 15 * after,
      capacityAt: turning(before, after),
    });
    expect(times).toBeLessThan(TIMES_MAX);
    expect(failed).toBe(0);
    expect(world.variation(0.8)).toBeLessThan(VARIATION_MAX);
  });

  test('500 a second that becomes one of 5 loses few', () => {
    const { failed } = start({ agents: 5_050, capacityAt: turning(500, 5) });
    expect(failed).toBeLessThan(FAILED_MAX);
  });

  test.each([20, 50, 100])(
    '500 a second is kept busy where looking at the agents takes long: every %i ms',
    (lookMs) => {
      const { times, failed } = start({ agents: 6_000, capacityAt: steady(500), lookCostMs: lookMs / 20 });
      expect(times).toBeLessThan(TIMES_MAX);
      expect(failed).toBe(0);
    },
  );

  test('500 a second is no use to a host that starts 300', () => {
    const { world, times } = start({ agents: 4_000, capacityAt: steady(500), spawnsPerSecond: 300 });
    expect(times).toBeLessThan(TIMES_MAX);
    expect(world.variation(0.5)).toBeLessThan(VARIATION_MAX);
  });

  test('50 a second is kept busy by agents that take a second, give or take one', () => {
    const { times, failed } = start({
      agents: 2_000,
      capacityAt: steady(50),
      startMs: 1_000,
      startNoise: 0.9,
    });
    expect(times).toBeLessThan(TIMES_MAX);
    expect(failed).toBe(0);
  });
});

test('a queue that holds few is not run over again and again', () => {
  const { times, failed } = start({ agents: 6_000, capacityAt: steady(500), queueMax: 20 });
  expect(times).toBeLessThan(TIMES_MAX);
  expect(failed).toBeLessThan(0.01);
});

test('a broken agent here and there does not slow down the rest much', () => {
  const { times } = start({ agents: 10_000, capacityAt: steady(500), broken: 0.01 });
  expect(times).toBeLessThan(1.3);
});

test('whatever the registry, the host and the agents are like: quick, steady, hardly a failure', () => {
  const natures = fc.record({
    seed: fc.nat(1_000_000),
    capacity: fc.integer({ min: 5, max: 1_000 }),
    // The queue (200) holds what fills the way, and as many again.
    startMs: fc.integer({ min: 5, max: 100 }),
    startNoise: fc.double({ min: 0, max: 0.6, noNaN: true }),
    lookCostMs: fc.double({ min: 0.1, max: 3, noNaN: true }),
    spawnsPerSecond: fc.integer({ min: 300, max: 3_000 }),
  });
  fc.assert(
    fc.property(natures, ({ capacity, ...nature }) => {
      const { world, times, failed } = start({
        ...nature,
        agents: 15 * capacity + 50,
        capacityAt: steady(capacity),
      });
      expect(times).toBeLessThan(TIMES_MAX);
      expect(failed).toBeLessThanOrEqual(FAILED_MAX);
      expect(world.variation(0.5)).toBeLessThan(VARIATION_MAX);
    }),
    { numRuns: 60 },
  );
});

describe('a fleet that', () => {
  const nature = { agents: 3_000, capacityAt: steady(200) };
  const ideal = 15_000;
  const DOWN_MS = 2_000;

  test('crashes as a whole comes back at the pace of its registry', () => {
    const { world } = start(nature);
    world.pass(20_000);
    world.crashAll();
    world.pass(100);
    expect(world.untilReady() / ideal).toBeLessThan(TIMES_MAX);
    expect(world.failed).toBe(0);
    expect(world.holds).toEqual([]);
  });

  test('loses its registry tries a few starts, and comes back when that does', () => {
    const { world } = start(nature);
    world.pass(20_000);
    world.restartRegistry(DOWN_MS);
    world.pass(DOWN_MS);
    expect(world.untilReady() / ideal).toBeLessThan(TIMES_MAX);
    expect(world.failed).toBeLessThan(30);
    expect(world.holds).toEqual([]);
  });

  test('loses its registry while it starts is held for a moment, and once', () => {
    const world = new RegistryWorld(nature);
    world.pass(ideal / 2);
    world.restartRegistry(DOWN_MS);
    world.pass(DOWN_MS);
    expect(world.untilReady() / ideal).toBeLessThan(TIMES_MAX);
    expect(world.failed).toBeLessThan(60);
    expect(world.holds).toHaveLength(1);
  });

  test('cannot start at all is held within storm.within, though few starts are tried', () => {
    const world = new RegistryWorld({ agents: 3_000, broken: 1 });
    world.pass(70_000);
    expect(world.holds).toHaveLength(1);
    expect(world.holds[0]).toMatch(
      /^all \d+ agents that were tried failed to start within 60 s; the last: exited 1$/,
    );
    expect(world.failed).toBeLessThan(60);
  });
});

describe('the limit', () => {
  const bounds = { min: 1, max: 20 };
  /** An agent gets ready every 10 ms, 50 ms after its start. */
  const feed = (control: AdaptiveLimit, count: number, from: number, isLimited = true) => {
    for (let i = 1; i <= count; i++) {
      control.ready(50, 0, isLimited, from + 10 * i);
      control.settle(1, from + 10 * i);
    }
  };

  test('begins at `parallel` and stays within its bounds', () => {
    const control = new AdaptiveLimit(15, bounds);
    expect(control.limit).toBe(15);
    for (let i = 0; i < 500; i++) {
      control.ready(500, 0, true, i);
      control.settle(1, i);
    }
    expect(control.limit).toBe(20);
    control.failed(0, 'exited 1', 10_000);
    control.failed(0, 'exited 1', 10_000);
    control.failed(0, 'exited 1', 10_000);
    control.settle(1, 10_000);
    expect(control.limit).toBe(1);
    expect(control.state.reason).toBe('starts one agent at a time: exited 1');
  });

  test('is twice what keeps the way full, and a few', () => {
    const control = new AdaptiveLimit(15, { min: 1, max: 500 });
    feed(control, 200, 0);
    expect(control.limit).toBe(2 * 5 + 4);
    expect(control.state.ratePerSecond).toBeCloseTo(100);
    expect(control.state.baseMs).toBeCloseTo(50);
  });

  test('says nothing where it was not reached', () => {
    const control = new AdaptiveLimit(15, bounds);
    feed(control, 500, 0, false);
    expect(control.limit).toBe(15);
  });

  test('is halved where the host is short of something, once for many starts', () => {
    const control = new AdaptiveLimit(16, bounds);
    for (let i = 0; i < 16; i++) control.shortage('memory is short', 1_000);
    expect(control.limit).toBe(8);
    control.shortage('memory is short', 2_000);
    expect(control.limit).toBe(4);
  });

  test('is lowered once for all that was started before: it is one failure', () => {
    const control = new AdaptiveLimit(15, { min: 1, max: 500 });
    feed(control, 200, 0);
    for (let i = 0; i < 10; i++) control.failed(40, 'refused', 2_010);
    control.settle(1, 2_010);
    expect(control.limit).toBe(7);
    for (let i = 0; i < 10; i++) control.failed(40, 'refused', 2_020);
    control.settle(1, 2_020);
    expect(control.limit).toBe(7);
  });

  test('opens again later and later while nothing gets ready, and at once when something does', () => {
    const control = new AdaptiveLimit(1, bounds);
    const pauses: number[] = [];
    let now = 0;
    for (let i = 0; i < 12; i++) {
      control.failed(0, 'exited 1', now);
      control.settle(0, now);
      pauses.push(control.opensAt! - now);
      expect(control.room(0, control.opensAt! - 1)).toBe(0);
      expect(control.room(0, control.opensAt!)).toBe(1);
      now = control.opensAt!;
    }
    expect(pauses.slice(0, 3)).toEqual([100, 150, 225]);
    expect(pauses.at(-1)).toBe(5_000);
    expect(control.outMs).toBeGreaterThan(10_000);
    control.ready(50, 0, true, now);
    expect(control.opensAt).toBe(null);
    expect(control.outMs).toBe(0);
  });

  test('begins anew after a rest', () => {
    const control = new AdaptiveLimit(2, { min: 1, max: 500 });
    feed(control, 200, 0);
    expect(control.limit).toBe(14);
    control.settle(0, 3_000);
    control.settle(0, 12_999);
    expect(control.limit).toBe(14);
    control.settle(0, 13_000);
    expect(control.limit).toBe(2);
    expect(control.state.ratePerSecond).toBe(null);
  });
});
