import { expect, test } from 'vitest';
import { killSent } from '../../src/fleet/endings.ts';
import { plan } from '../../src/fleet/plan.ts';
import { expire } from '../../src/fleet/time.ts';
import { ImaginaryHost } from './driver.ts';
import { WELL_BEHAVED } from './natures.ts';

/** A fleet of so many that is ready. */
function ready(count: number, document: object = {}): ImaginaryHost {
  const world = new ImaginaryHost({
    stop: { parallel: 3, grace: '30s' },
    rounds: { delay: '0s' },
    ...document,
  });
  world.spawn(count);
  world.advance(60_000);
  expect(world.fleet.counts.ready).toBe(count);
  return world;
}

test('stops no more than stop.parallel at a time', () => {
  const world = ready(7);
  world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
  const from = world.now;
  world.kill(7);
  world.advance(10_000);
  expect(world.steps('stop').map(({ at }) => at - from)).toEqual([0, 0, 0, 1_000, 1_000, 1_000, 2_000]);
  expect(world.fleet.slots.size).toBe(0);
  expect(world.steps('vacate')).toHaveLength(7);
  expect(world.steps('kill')).toEqual([]);
});

test('counts all kinds of stops together', () => {
  // Half of the fleet is killed while the other half is restarted; the driver checks the bound at every stop.
  const world = ready(12);
  world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
  world.restart();
  world.killSlots('0-5');
  world.advance(60_000);
  expect(world.steps('stop')).toHaveLength(12);
  expect(world.states).toBe('ready ready ready ready ready ready');
});

test('sends SIGKILL once, when the grace is over and not before', () => {
  const world = ready(1);
  world.nature = { ...WELL_BEHAVED, stopMs: null };
  const from = world.now;
  world.kill(1);
  world.advance(29_999);
  expect(world.steps('kill')).toEqual([]);
  world.advance(100_000);
  expect(world.steps('kill')).toMatchObject([
    { at: from + 30_000, reason: 'still running after its grace of 30 s' },
  ]);
  expect(world.fleet.sigkilled).toEqual(new Set([0]));
});

test('sends SIGKILL only once to what not even that ends', () => {
  const world = ready(1);
  world.nature = { ...WELL_BEHAVED, stopMs: null };
  world.kill(1);
  world.advance(29_999);
  // Uninterruptible sleep: the signal is pending, and the process stays.
  expire(world.fleet, world.now + 1);
  killSent(world.fleet, 0, world.now + 1);
  world.advance(600_000);
  expect(world.steps('kill')).toEqual([]);
  expect(world.states).toBe('stopping');
});

test('sends SIGKILL at once where there is no grace', () => {
  const world = ready(1, { stop: { grace: '0s' } });
  world.nature = { ...WELL_BEHAVED, stopMs: null };
  world.kill(1);
  world.settle();
  expect(world.processes.size).toBe(0);
});

test('forgets that a slot needed SIGKILL when it is started again', () => {
  const world = ready(1);
  world.nature = { ...WELL_BEHAVED, stopMs: null };
  world.restart();
  world.advance(60_000);
  expect(world.states).toBe('ready');
  expect(world.fleet.sigkilled.size).toBe(0);
});

test('stops an agent that is still starting', () => {
  const world = new ImaginaryHost();
  world.nature = { ...WELL_BEHAVED, readyMs: null };
  world.spawn(1);
  world.settle();
  world.kill(1);
  world.settle();
  expect(world.states).toBe('stopping');
  world.advance(1_000);
  expect(world.fleet.slots.size).toBe(0);
  expect(world.steps('start')).toHaveLength(1);
});

test.each([
  ['waits for its next start', { ...WELL_BEHAVED, readyMs: null, crashMs: 1 }, 'always', 'backoff'],
  ['has given up', { ...WELL_BEHAVED, readyMs: null, crashMs: 1 }, 'never', 'failed'],
  ['waits for its round', WELL_BEHAVED, 'always', 'pending'],
] as const)('vacates a slot that %s without any signal', (_, nature, on, state) => {
  const world = new ImaginaryHost({
    rounds: { parallel: 1, delay: '1h' },
    restart: { on, backoff: { min: '1h', max: '1h' }, storm: 'off' },
  });
  world.nature = nature;
  world.spawn(state === 'pending' ? 2 : 1);
  world.advance(1_000);
  expect(world.states.split(' ').at(-1)).toBe(state);
  world.kill(1);
  world.settle();
  expect(world.steps('vacate')).toHaveLength(1);
  expect(world.steps('stop')).toEqual([]);
  world.advance(2 * 3_600_000);
  expect(world.steps('start')).toHaveLength(1);
});

test('ends what precedes a start when the slot is not wanted any more, and starts nothing in it', () => {
  const world = new ImaginaryHost({ prepare: ['init'] });
  world.nature = { ...WELL_BEHAVED, prepareMs: 1e9 };
  world.spawn(1);
  world.settle();
  expect(world.states).toBe('preparing');
  world.kill(1);
  world.settle();
  expect(world.steps('abort')).toMatchObject([{ slot: 0, reason: 'no longer wanted' }]);
  expect(world.fleet.slots.size).toBe(0);
  expect(world.steps('start')).toEqual([]);
});

test('does not restart a slot whose kill was requested, however its agent ends', () => {
  const world = ready(3, { stop: { parallel: 1 } });
  world.nature = { ...WELL_BEHAVED, stopMs: 20_000 };
  world.kill(3);
  world.settle();
  for (const slot of [0, 1, 2]) world.crash(slot);
  world.advance(600_000);
  expect(world.steps('start')).toHaveLength(3);
  expect(world.fleet.slots.size).toBe(0);
});

test('starts a slot again that is wanted again while its agent stops, when that is gone', () => {
  const world = ready(1);
  world.nature = { ...WELL_BEHAVED, stopMs: 5_000 };
  world.kill(1);
  world.settle();
  const from = world.now;
  world.spawn(1);
  world.settle();
  expect(world.states).toBe('stopping');
  world.advance(60_000);
  expect(world.states).toBe('ready');
  expect(world.startTimes(from)).toEqual([5_000]);
  expect(world.fleet.slot(0).failures).toBe(0);
});

test('does not count the end of an agent that was told to stop as a failed start', () => {
  const world = new ImaginaryHost();
  world.nature = { ...WELL_BEHAVED, readyMs: null, stopMs: 1_000, stopExit: { code: 1, signal: null } };
  world.spawn(3);
  world.settle();
  world.kill(3);
  world.settle();
  world.spawn(3);
  world.nature = WELL_BEHAVED;
  world.advance(10_000);
  expect(world.states).toBe('ready ready ready');
  expect([...world.fleet.slots.values()].map(({ failures, restarts }) => [failures, restarts])).toEqual(
    Array(3).fill([0, 0]),
  );
});

test('leaves an agent alone that is wanted again before its turn to be stopped has come', () => {
  const world = ready(4, { stop: { parallel: 1 } });
  world.restart();
  world.advance(60_000);
  world.nature = { ...WELL_BEHAVED, stopMs: 5_000 };
  const { pids } = world;
  const from = world.now;
  world.kill(4);
  world.settle();
  world.spawn(4);
  world.advance(60_000);
  expect(world.steps('stop', from).map(({ slot }) => slot)).toEqual([3]);
  expect(world.pids).toEqual({ ...pids, 3: expect.any(Number) });
});

test('lets no stop wait for a slot that is only to be vacated', () => {
  const world = new ImaginaryHost({ rounds: { parallel: 1, delay: '1h' } });
  world.spawn(2);
  world.advance(1_000);
  expect(world.states).toBe('ready pending');
  world.kill(2);
  expect(plan(world.fleet, world.now).map((step) => step.do)).toEqual(['stop']);
  world.advance(60_000);
  expect(world.steps('vacate')).toHaveLength(2);
});
