import { expect, test } from 'vitest';
import { ImaginaryHost } from './driver.ts';
import { WELL_BEHAVED } from './natures.ts';

const PORTS = { base: 20_000 };

/** A fleet of so many that is ready. */
function ready(count: number, document: object = {}): ImaginaryHost {
  const world = new ImaginaryHost({ rounds: { parallel: 2, delay: '1s' }, ...document });
  world.spawn(count);
  world.advance(120_000);
  expect(world.fleet.counts.ready).toBe(count);
  return world;
}

test('restarts each agent once for a restart', () => {
  const world = ready(5);
  const before = new Set(Object.values(world.pids));
  world.restart();
  world.advance(60_000);
  expect(world.states).toBe('ready ready ready ready ready');
  expect(world.steps('stop').map(({ cause }) => cause)).toEqual(Array(5).fill('restart'));
  expect(Object.values(world.pids).filter((pid) => before.has(pid))).toEqual([]);
});

test('restarts just the slots that were named', () => {
  const world = ready(5);
  const { pids } = world;
  world.restart([1, 3]);
  world.advance(60_000);
  expect(world.steps('stop').map(({ slot }) => slot)).toEqual([1, 3]);
  expect(world.pids).toEqual({ ...pids, 1: expect.any(Number), 3: expect.any(Number) });
});

test('does not restart a second time what crashed and came back while a restart was due', () => {
  const world = ready(6);
  world.restart();
  world.settle();
  // These wait for their turn, or for their agent to end.
  for (const slot of [0, 4, 5]) world.crash(slot);
  world.advance(120_000);
  expect(world.states).toBe(Array(6).fill('ready').join(' '));
  expect(world.steps('start')).toHaveLength(12);
});

test('restarts once for two restarts that were asked for before either was done', () => {
  const world = ready(6);
  world.restart();
  world.restart();
  world.advance(120_000);
  expect(world.steps('start')).toHaveLength(12);
});

test('restarts again what was restarted already when the second restart was asked for', () => {
  const world = ready(4);
  world.restart();
  world.advance(500);
  expect(world.steps('start')).toHaveLength(6);
  world.restart();
  world.advance(120_000);
  expect(world.steps('start')).toHaveLength(6 + 4);
});

test('keeps running agents on their release until restart --latest; a crash comes back on its own', () => {
  const world = ready(3);
  world.spawn(4, { document: { env: { A: '1' } }, release: 'r2' });
  world.advance(60_000);
  const releases = () => [0, 1, 2, 3].map((slot) => world.processOf(slot)!.release);
  expect(releases()).toEqual(['r1', 'r1', 'r1', 'r2']);
  world.crash(0);
  world.restart([1]);
  world.advance(60_000);
  expect(releases()).toEqual(['r1', 'r1', 'r1', 'r2']);
  expect(world.processes.size).toBe(4);
  world.restart([0, 1, 2, 3], true);
  world.advance(60_000);
  expect(releases()).toEqual(['r2', 'r2', 'r2', 'r2']);
});

test('gives slots whose start has failed the new release: they have nothing to keep', () => {
  const world = new ImaginaryHost({ restart: { storm: 'off' } });
  world.natures.set(0, { ...WELL_BEHAVED, readyMs: null, crashMs: 1 });
  world.spawn(2);
  world.advance(20_000);
  world.natures.clear();
  world.spawn(2, { document: { env: { A: '1' } }, release: 'r2' });
  world.advance(5_000);
  expect([0, 1].map((slot) => world.processOf(slot)!.release)).toEqual(['r2', 'r1']);
});

test('stops everything before it starts anything where ports or user change', () => {
  const world = ready(5, { stop: { parallel: 2, grace: '10s' } });
  world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
  world.natures.set(4, { ...WELL_BEHAVED, stopMs: null });
  const from = world.now;
  world.spawn(5, {
    document: { ports: PORTS, stop: { parallel: 2, grace: '10s' } },
    release: 'r2',
    recreate: true,
  });
  world.advance(120_000);
  const lastEnd = world.steps('kill', from)[0]!.at;
  expect(world.steps('stop', from)).toHaveLength(5);
  expect(world.steps('start', from)).toHaveLength(5);
  expect(Math.min(...world.startTimes(from))).toBeGreaterThanOrEqual(lastEnd - from);
  expect([...world.processes.values()].map(({ release }) => release)).toEqual(Array(5).fill('r2'));
});

test('starts in rounds what was stopped for changed ports or user', () => {
  const document = { rounds: { parallel: 2, delay: '1s' }, ports: PORTS };
  const world = ready(8);
  const from = world.now;
  world.spawn(8, { document, recreate: true });
  world.advance(60_000);
  const perTime = Map.groupBy(world.startTimes(from), (at) => at);
  expect([...perTime.values()].map((times) => times.length)).toEqual([2, 2, 2, 2]);
});

test('goes on with changed ports under the next supervisor', () => {
  const world = ready(5, { stop: { parallel: 1 } });
  world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
  world.spawn(5, { document: { ports: PORTS, stop: { parallel: 1 } }, recreate: true });
  world.advance(2_500);
  const from = world.now;
  world.replaceSupervisor();
  world.advance(60_000);
  // The third had its signal already; the next supervisor cannot know and sends it again.
  expect(world.steps('stop', from)).toHaveLength(3);
  expect(world.steps('start', from)).toHaveLength(5);
  expect(world.states).toBe('ready ready ready ready ready');
});

test('kills slots also while everything is stopped for changed ports', () => {
  const world = ready(5);
  world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
  world.spawn(5, { document: { ports: PORTS }, recreate: true });
  world.settle();
  world.killSlots('0,4');
  world.advance(60_000);
  expect([...world.fleet.slots.keys()]).toEqual([1, 2, 3]);
  expect(world.states).toBe('ready ready ready');
});

test('a slot that is wanted again for changed ports, while its agent still runs, gets the new release', () => {
  const world = ready(5, { stop: { parallel: 1 } });
  world.nature = { ...WELL_BEHAVED, stopMs: 1_000 };
  world.killSlots('3,4');
  world.spawn(5, { document: { ports: PORTS, stop: { parallel: 1 } }, release: 'r2', recreate: true });
  world.advance(60_000);
  expect([...world.processes.values()].map(({ release }) => release)).toEqual(Array(5).fill('r2'));
});

test('stops everything and starts nothing for a shutdown with agents', () => {
  const world = ready(5);
  world.fleet.setStopAll('shutdown', world.now);
  world.advance(3_600_000);
  expect(world.processes.size).toBe(0);
  expect(world.fleet.target).toBe(5);
  expect(world.steps('start')).toHaveLength(5);
});

test('shuts a held fleet down without spinning', () => {
  const world = new ImaginaryHost();
  world.nature = { ...WELL_BEHAVED, readyMs: null, crashMs: 1 };
  world.spawn(3);
  world.advance(10_000);
  expect(world.fleet.hold?.by).toBe('storm');
  world.fleet.setStopAll('shutdown', world.now);
  world.advance(3_600_000);
  expect(world.processes.size).toBe(0);
});
