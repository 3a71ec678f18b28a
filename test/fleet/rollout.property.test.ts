import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOver } from '../../src/fleet/rollout/rolling.ts';
import { ImaginaryHost } from './driver.ts';
import { type Nature, WELL_BEHAVED } from './natures.ts';

const SLOTS = 9;
const BATCH = 3;
const DOCUMENT = {
  rounds: { parallel: 2, delay: '500ms' },
  ready: { after: '1s', timeout: '3s' },
  health: { every: '1s', failures: 2 },
  restart: { backoff: { min: '1s', max: '10s' }, storm: { failures: '40%', within: '10s' } },
  stop: { grace: '4s', parallel: 4 },
  update: { batch: BATCH, wait: '4s', maxFailed: '20%', healthyDeadline: '15s' },
};

interface Move {
  text: string;
  make(world: ImaginaryHost): void;
}

function move<T>(arbitrary: fc.Arbitrary<T>, name: string, make: (world: ImaginaryHost, value: T) => void) {
  return arbitrary.map((value): Move & { [fc.toStringMethod]: () => string } => {
    const text = `${name} ${JSON.stringify(value)}`;
    return { text, make: (world) => make(world, value), [fc.toStringMethod]: () => text };
  });
}

const nothing = fc.constant(null);
const slot = fc.nat(SLOTS - 1);
const slots = fc.uniqueArray(slot, { minLength: 1, maxLength: 3 });
const release = fc.constantFrom('r1', 'r2', 'r3');
const nature: fc.Arbitrary<Partial<Nature>> = fc.record({
  readyMs: fc.constantFrom(0, 100, 100, 2_900, null),
  crashMs: fc.constantFrom(null, null, 50, 3_000),
  stopMs: fc.constantFrom(0, 10, 3_900, null),
});
const options = fc.record({
  canary: fc.constantFrom(0, 0, 2),
  rollback: fc.constantFrom(true, true, false),
  maxFailed: fc.constantFrom({ percent: 20 }, { count: 0 }, { count: 3 }),
});

const active = (world: ImaginaryHost) => {
  const { record } = world.fleet.rolling;
  return record && !isOver(record) ? record : null;
};

const moves = fc.oneof(
  {
    weight: 4,
    arbitrary: move(fc.tuple(release, options), 'roll', (world, [to, how]) => {
      // With no agent to replace, only the spec is accepted: there is no rollout to judge.
      if (world.fleet.target > 0) world.roll(to, how);
    }),
  },
  {
    weight: 2,
    arbitrary: move(fc.integer({ min: 1, max: SLOTS }), 'spawn', (world, count) => world.spawn(count)),
  },
  {
    weight: 2,
    arbitrary: move(slots, 'kill', (world, numbers) =>
      world.killSlots(numbers.filter((number) => world.fleet.slots.get(number)?.wanted)),
    ),
  },
  { weight: 1, arbitrary: move(nothing, 'hold', (world) => world.hold()) },
  { weight: 1, arbitrary: move(nothing, 'resume', (world) => world.fleet.hold && world.resume()) },
  {
    weight: 1,
    arbitrary: move(nothing, 'pause', (world) => active(world)?.state === 'running' && world.pause()),
  },
  {
    weight: 2,
    arbitrary: move(nothing, 'go on', (world) => active(world)?.state === 'paused' && world.goOn()),
  },
  {
    weight: 1,
    arbitrary: move(
      nothing,
      'abort',
      (world) => active(world) && active(world)?.state !== 'rolling-back' && world.abort(),
    ),
  },
  { weight: 1, arbitrary: move(release, 'roll back', (world, to) => world.rollBack(to)) },
  {
    weight: 3,
    arbitrary: move(slots, 'crash', (world, numbers) =>
      numbers.forEach((number) => void world.crash(number)),
    ),
  },
  {
    weight: 1,
    arbitrary: move(slot, 'miss', (world, number) => world.fleet.slots.has(number) && world.miss(number, 2)),
  },
  {
    weight: 3,
    arbitrary: move(fc.tuple(release, nature), 'nature', (world, [which, its]) =>
      world.releases.set(which, its),
    ),
  },
  { weight: 2, arbitrary: move(nothing, 'all well', (world) => world.releases.clear()) },
  {
    weight: 4,
    arbitrary: move(
      fc.tuple(fc.nat(6), fc.constantFrom(0, 0, 50, 5_000)),
      'replace supervisor',
      (world, [turns, awayMs]) => {
        world.turns(turns);
        world.replaceSupervisor(awayMs);
      },
    ),
  },
  {
    weight: 8,
    arbitrary: move(fc.constantFrom(0, 10, 100, 1_000, 5_000, 20_000), 'advance', (world, ms) =>
      world.advance(ms),
    ),
  },
);

function play(list: readonly Move[]): ImaginaryHost {
  const world = new ImaginaryHost(DOCUMENT);
  world.spawn(SLOTS - 2);
  for (const id of ['r2', 'r3']) world.fleet.releases.set(id, { ...world.fleet.releases.get('r1')!, id });
  world.advance(60_000);
  for (const { make } of list) {
    make(world);
    world.settle();
    const rollout = active(world);
    if (rollout?.batch) expect(rollout.batch.slots.length).toBeLessThanOrEqual(BATCH);
  }
  return world;
}

const sequences = fc.array(moves, { maxLength: 40 });

test('comes to an end with every agent on one release, whatever happens meanwhile', () => {
  fc.assert(
    fc.property(sequences, (list) => {
      const world = play(list);
      world.releases.clear();
      world.nature = WELL_BEHAVED;
      for (let i = 0; i < 3; i++) {
        if (world.fleet.hold && world.fleet.hold.by !== 'storm') world.resume();
        if (active(world)?.state === 'paused') world.goOn();
        world.advance(600_000);
      }
      const { record } = world.fleet.rolling;
      expect(world.fleet.hold).toBe(null);
      expect(record === null || isOver(record)).toBe(true);
      const wanted = record?.state === 'rolled-back' ? record.from : (record?.to ?? 'r1');
      expect(world.fleet.release).toBe(wanted);
      expect(world.states).toBe(Array(world.fleet.target).fill('ready').join(' '));
      expect([...world.processes.values()].filter((process) => process.release !== wanted)).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test('a supervisor that is killed at any step of it changes nothing of the outcome', () => {
  const outcomes = (bad: boolean) =>
    Array.from({ length: 120 }, (_, at) => {
      const world = new ImaginaryHost(DOCUMENT);
      world.spawn(SLOTS);
      world.advance(60_000);
      if (bad) world.releases.set('r2', { readyMs: null, crashMs: 500 });
      const begun = world.now;
      world.roll('r2');
      // Time goes by in small steps, so that the cut is somewhere else each time.
      for (let i = 0; i < at; i++) {
        world.turns(1);
        if (i % 4 === 3) world.advance(200);
      }
      world.replaceSupervisor(at % 3 === 0 ? 700 : 0);
      world.advance(120_000);
      const starts = world.steps('start', begun).filter((step) => step.reason.startsWith('release '));
      return { state: world.fleet.rolling.record!.state, states: world.states, starts: starts.length };
    });
  const ready = Array(SLOTS).fill('ready').join(' ');
  for (const { state, states, starts } of outcomes(false)) {
    expect({ state, states }).toEqual({ state: 'done', states: ready });
    expect(starts).toBeLessThanOrEqual(SLOTS);
  }
  for (const { state, states } of outcomes(true))
    expect({ state, states }).toEqual({ state: 'rolled-back', states: ready });
});
